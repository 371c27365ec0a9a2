package deflate

import (
	"cmp"
	"math/bits"
	"slices"
)

// maxLength is that of a code of the text, maxHeadLength of one in the head
// (RFC 1951, 3.2.7).
const (
	maxLength     = 15
	maxHeadLength = 7
)

// lengths gives the lengths of the best prefix code for symbols that occur so
// often; 0 for those that do not. There are always two at least: not every
// reader takes a code of one.
func lengths(counts []uint32, limit uint8) []uint8 {
	weights := slices.Clone(counts)
	for used, s := occurring(counts), 0; used < 2; s++ {
		if weights[s] == 0 {
			weights[s] = 1
			used++
		}
	}
	for {
		out := unlimited(weights)
		if slices.Max(out) <= limit {
			return out
		}
		for s, n := range weights { // flatter weights make a flatter tree
			weights[s] = (n + 1) / 2
		}
	}
}

func occurring(counts []uint32) int {
	used := 0
	for _, n := range counts {
		if n > 0 {
			used++
		}
	}
	return used
}

// unlimited is Huffman's algorithm with two queues: leaves by weight, and
// trees in the order in which they are made, which is by weight, too.
func unlimited(weights []uint32) []uint8 {
	type tree struct {
		weight      uint32
		symbol      int
		left, right *tree
	}
	var leaves, trees []*tree
	for s, n := range weights {
		if n > 0 {
			leaves = append(leaves, &tree{weight: n, symbol: s})
		}
	}
	slices.SortStableFunc(leaves, func(a, b *tree) int { return cmp.Compare(a.weight, b.weight) })
	lightest := func() *tree {
		from := &leaves
		if len(leaves) == 0 || len(trees) > 0 && trees[0].weight < leaves[0].weight {
			from = &trees
		}
		t := (*from)[0]
		*from = (*from)[1:]
		return t
	}
	for len(leaves)+len(trees) > 1 {
		a, b := lightest(), lightest()
		trees = append(trees, &tree{weight: a.weight + b.weight, left: a, right: b})
	}
	out := make([]uint8, len(weights))
	var walk func(*tree, uint8)
	walk = func(t *tree, depth uint8) {
		if t.left == nil {
			out[t.symbol] = depth
			return
		}
		walk(t.left, depth+1)
		walk(t.right, depth+1)
	}
	walk(lightest(), 0)
	return out
}

// code is what is written for a symbol.
type code struct {
	bits   uint32
	length uint8
}

// codes are those that follow from their lengths (RFC 1951, 3.2.2), the
// highest bit first, as the writer wants it.
func codes(lengths []uint8) []code {
	var number [maxLength + 2]uint32
	for _, l := range lengths {
		if l > 0 {
			number[l+1]++
		}
	}
	for l := 1; l < len(number); l++ {
		number[l] += number[l-1]
		number[l] <<= min(1, uint(l-1))
	}
	out := make([]code, len(lengths))
	for s, l := range lengths {
		if l > 0 {
			out[s] = code{bits.Reverse32(number[l]) >> (32 - l), l}
			number[l]++
		}
	}
	return out
}
