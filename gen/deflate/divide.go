package deflate

// divide cuts the data where other symbols begin to be frequent (keys, then
// units), and parses each block for itself. The tokens of all blocks give the
// data.
func divide(data []byte) [][]token {
	found := matches(data)
	flat := &histogram{} // before anything is known, all symbols cost the same
	whole := settle(data, found, 0, len(data), flat)
	var blocks [][]token
	from := 0
	for _, tokens := range cut(whole) {
		to := from
		for _, t := range tokens {
			to += max(1, int(t.length))
		}
		blocks = append(blocks, settle(data, found, from, to, count(tokens)))
		from = to
	}
	return blocks
}

// cut divides tokens in two, and each of the two again, as long as that makes
// them smaller.
func cut(tokens []token) [][]token {
	size := count(tokens).size()
	at := len(tokens) / 2
	best := size
	// Coarse places first, then around the best of them.
	for step := max(1, len(tokens)/32); ; step = max(1, step/4) {
		low, high := max(1, at-16*step), min(len(tokens)-1, at+16*step)
		for place := low; place <= high; place += step {
			if s := count(tokens[:place]).size() + count(tokens[place:]).size(); s < best {
				best, at = s, place
			}
		}
		if step == 1 || best == size {
			break
		}
	}
	if best >= size {
		return [][]token{tokens}
	}
	return append(cut(tokens[:at:at]), cut(tokens[at:])...)
}
