package deflate

import "slices"

// head is what stands before a block's text: the lengths of its codes, run by
// run, in a code of their own.
type head struct {
	literals, distances []uint8 // lengths of codes
	runs                []run
	lengths             []uint8 // of the codes of runs
	order               int     // how many of these are written
}

// run is a symbol of RFC 1951, 3.2.7: a length, or a repetition.
type run struct{ symbol, extra, rest uint8 }

const (
	repeatLast  = 16 // the last length 3 to 6 times
	repeatZero  = 17 // 0, 3 to 10 times
	repeatZeros = 18 // 0, 11 to 138 times
)

// headOrder is the order in which the lengths of the codes of runs stand.
var headOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func (h *histogram) head() head {
	out := head{literals: lengths(h.literals[:], maxLength), distances: lengths(h.distances[:], maxLength)}
	all := slices.Concat(out.literals[:out.literalCount()], out.distances[:out.distanceCount()])
	out.runs = runs(all)
	var counts [19]uint32
	for _, r := range out.runs {
		counts[r.symbol]++
	}
	out.lengths = lengths(counts[:], maxHeadLength)
	for i, symbol := range headOrder {
		if out.lengths[symbol] > 0 {
			out.order = max(i+1, 4)
		}
	}
	return out
}

func (h head) literalCount() int  { return max(trimmed(h.literals), 257) }
func (h head) distanceCount() int { return max(trimmed(h.distances), 1) }

// trimmed is the count of lengths without the zeros at the end.
func trimmed(lengths []uint8) int {
	n := len(lengths)
	for n > 0 && lengths[n-1] == 0 {
		n--
	}
	return n
}

func runs(lengths []uint8) []run {
	var out []run
	for i := 0; i < len(lengths); {
		l, n := lengths[i], 1
		for i+n < len(lengths) && lengths[i+n] == l {
			n++
		}
		i += n
		if l > 0 {
			out = append(out, run{symbol: l})
			n--
		}
		for n >= 3 {
			switch {
			case l > 0:
				k := min(n, 6)
				out = append(out, run{repeatLast, 2, uint8(k - 3)})
				n -= k
			case n >= 11:
				k := min(n, 138)
				out = append(out, run{repeatZeros, 7, uint8(k - 11)})
				n -= k
			default:
				out = append(out, run{repeatZero, 3, uint8(n - 3)})
				n = 0
			}
		}
		for ; n > 0; n-- {
			out = append(out, run{symbol: l})
		}
	}
	return out
}

// size is that of the head in bits.
func (h head) size() int {
	size := 5 + 5 + 4 + 3*h.order
	for _, r := range h.runs {
		size += int(h.lengths[r.symbol]) + int(r.extra)
	}
	return size
}

func (h head) write(w *writer) {
	w.write(uint32(h.literalCount()-257), 5)
	w.write(uint32(h.distanceCount()-1), 5)
	w.write(uint32(h.order-4), 4)
	for _, symbol := range headOrder[:h.order] {
		w.write(uint32(h.lengths[symbol]), 3)
	}
	codes := codes(h.lengths)
	for _, r := range h.runs {
		w.code(codes[r.symbol])
		w.write(uint32(r.rest), r.extra)
	}
}
