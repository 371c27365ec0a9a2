package deflate

import "math/bits"

// token is a byte of the text, when length is 0, or a copy of length bytes
// from value bytes before.
type token struct{ length, value uint16 }

// What a copy may be (RFC 1951, 2).
const (
	minCopy = 3
	maxCopy = 258
	window  = 32768
)

// symbol is a length or distance as it is written: a code and further bits.
type symbol struct {
	symbol uint16
	extra  uint8 // how many bits follow
	rest   uint32
}

// lengthSymbol and distanceSymbol follow the tables of RFC 1951, 3.2.5: from
// the fifth length and the third distance on, each doubling of the range has
// four symbols, or two.
func lengthSymbol(length uint16) symbol {
	n := uint32(length - minCopy)
	if length == maxCopy {
		return symbol{symbol: 285}
	}
	return ranged(n, 4, 257)
}

func distanceSymbol(distance uint16) symbol { return ranged(uint32(distance-1), 2, 0) }

func ranged(n, perDoubling uint32, first uint16) symbol {
	if n < 2*perDoubling {
		return symbol{symbol: first + uint16(n)}
	}
	extra := uint8(bits.Len32(n/perDoubling)) - 1
	return symbol{
		symbol: first + uint16(perDoubling*uint32(extra)+n>>extra),
		extra:  extra,
		rest:   n & (1<<extra - 1),
	}
}

// histogram says how often each symbol occurs in a block.
type histogram struct {
	literals  [286]uint32 // bytes, the end of the block, lengths
	distances [30]uint32
	extra     int // bits that follow symbols, in all
}

// count counts the symbols of a block, its end included.
func count(tokens []token) *histogram {
	h := &histogram{}
	for _, t := range tokens {
		h.add(t)
	}
	h.literals[endOfBlock]++
	return h
}

func (h *histogram) add(t token) {
	if t.length == 0 {
		h.literals[t.value]++
		return
	}
	l, d := lengthSymbol(t.length), distanceSymbol(t.value)
	h.literals[l.symbol]++
	h.distances[d.symbol]++
	h.extra += int(l.extra) + int(d.extra)
}

// size is that of the block in bits, head included.
func (h *histogram) size() int {
	head := h.head()
	size := 3 + head.size() + h.extra
	for s, n := range h.literals {
		size += int(n) * int(head.literals[s])
	}
	for s, n := range h.distances {
		size += int(n) * int(head.distances[s])
	}
	return size
}
