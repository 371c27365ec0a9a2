package deflate

import (
	"math"
	"math/bits"
	"slices"
)

// match is a copy that may begin at a place: of this length and of any that is
// shorter.
type match struct{ length, distance uint16 }

// chain is how many places are tried for one: a text may be all blanks.
const chain = 512

// matches finds for every place of the data what could be copied there: the
// nearest copy of each length that is longer than all that are nearer.
func matches(data []byte) [][]match {
	found := make([][]match, len(data))
	last := map[[minCopy]byte]int{}    // where three bytes stood last
	before := make([]int32, len(data)) // where they stood before that; -1 for nowhere
	var all []match                    // one allocation for many
	for i := 0; i+minCopy <= len(data); i++ {
		key := [minCopy]byte(data[i:])
		before[i] = -1
		if j, known := last[key]; known {
			before[i] = int32(j)
		}
		last[key] = i
		longest, limit, from := minCopy-1, min(maxCopy, len(data)-i), len(all)
		tried := 0
		for j := before[i]; j >= 0 && i-int(j) <= window && longest < limit && tried < chain; j = before[j] {
			tried++
			if data[int(j)+longest] != data[i+longest] {
				continue
			}
			n := 0
			for n < limit && data[int(j)+n] == data[i+n] {
				n++
			}
			if n > longest {
				longest = n
				all = append(all, match{uint16(n), uint16(i - int(j))})
			}
		}
		found[i] = all[from:len(all):len(all)]
	}
	return found
}

// costs are what symbols are expected to take, in 1/fine bits.
type costs struct {
	literals  [286]int
	lengths   [maxCopy + 1]int // of a length, its further bits included
	distances [30]int          // likewise
}

const fine = 1 << 10

// costs takes each symbol for as long as its share says it should be.
func (h *histogram) costs() *costs {
	c := &costs{}
	share(h.literals[:], c.literals[:])
	share(h.distances[:], c.distances[:])
	for l := minCopy; l <= maxCopy; l++ {
		s := lengthSymbol(uint16(l))
		c.lengths[l] = c.literals[s.symbol] + int(s.extra)*fine
	}
	for d := range c.distances {
		c.distances[d] += max(0, d/2-1) * fine
	}
	return c
}

func share(counts []uint32, costs []int) {
	total := uint32(0)
	for _, n := range counts {
		total += n
	}
	for s, n := range counts {
		costs[s] = log2(max(total, 1)) - log2(max(n, 1))
	}
}

// log2 is the logarithm in 1/fine: floats may differ from machine to machine.
func log2(n uint32) int {
	whole := bits.Len32(n) - 1
	x := uint64(n) << (31 - whole) // from 1 to 2, in 1/2³¹
	out := whole * fine
	for bit := fine / 2; bit > 0; bit /= 2 {
		x = x * x >> 31
		if x >= 1<<32 {
			x >>= 1
			out += bit
		}
	}
	return out
}

// parse is the cheapest way to write the bytes from one place to another.
func parse(data []byte, found [][]match, from, to int, c *costs) []token {
	type step struct {
		cost int
		last token
	}
	steps := make([]step, to-from+1)
	for i := range steps[1:] {
		steps[i+1].cost = math.MaxInt
	}
	for i := from; i < to; i++ {
		here := steps[i-from].cost
		reach := func(length int, cost int, t token) {
			if s := &steps[i-from+length]; here+cost < s.cost {
				*s = step{here + cost, t}
			}
		}
		reach(1, c.literals[data[i]], token{0, uint16(data[i])})
		l := minCopy
		for _, m := range found[i] {
			distance := c.distances[distanceSymbol(m.distance).symbol]
			for ; l <= int(m.length) && i+l <= to; l++ {
				reach(l, c.lengths[l]+distance, token{uint16(l), m.distance})
			}
		}
	}
	var out []token
	for i := to - from; i > 0; {
		t := steps[i].last
		out = append(out, t)
		i -= max(1, int(t.length))
	}
	slices.Reverse(out)
	return out
}

// rounds is after how many without a gain a block is left as it is.
const rounds = 6

// settle parses again and again, each time with the costs that the last way
// had, and gives the best.
func settle(data []byte, found [][]match, from, to int, h *histogram) (best []token) {
	for size, worse := math.MaxInt, 0; worse < rounds; {
		tokens := parse(data, found, from, to, h.costs())
		h = count(tokens)
		if s := h.size(); s < size {
			best, size, worse = tokens, s, 0
		} else {
			worse++
		}
	}
	return best
}
