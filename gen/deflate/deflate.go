// Package deflate compresses documents as small as DEFLATE (RFC 1951) can hold
// them, and always to the same bytes: nothing in it depends on the Go release,
// the machine or a float. The standard library's compressor promises no bytes,
// and makes some seven percent more of them.
package deflate

import (
	"encoding/binary"
	"hash/crc32"
)

// Gzip gives the data as a gzip file (RFC 1952) without a name, a time or a
// system. The same data gives the same bytes. It is meant for documents: it
// takes some milliseconds for each ten kilobytes.
func Gzip(data []byte) []byte {
	// Magic, deflate, no flags, no time, "slowest algorithm", system unknown.
	w := &writer{out: []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255}}
	blocks := divide(data)
	for i, b := range blocks {
		w.block(b, i == len(blocks)-1)
	}
	w.flush()
	w.out = binary.LittleEndian.AppendUint32(w.out, crc32.ChecksumIEEE(data))
	return binary.LittleEndian.AppendUint32(w.out, uint32(len(data)))
}

// writer writes bits, the lowest of a byte first.
type writer struct {
	out  []byte
	bits uint64
	n    uint
}

func (w *writer) write(value uint32, n uint8) {
	w.bits |= uint64(value) << w.n
	for w.n += uint(n); w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
	}
}

func (w *writer) flush() {
	if w.n > 0 {
		w.out = append(w.out, byte(w.bits))
		w.bits, w.n = 0, 0
	}
}

// block writes tokens with codes of their own ("dynamic Huffman codes", RFC
// 1951, 3.2.7).
func (w *writer) block(tokens []token, last bool) {
	final := uint32(0)
	if last {
		final = 1
	}
	w.write(final|dynamic<<1, 3)
	h := count(tokens)
	head := h.head()
	head.write(w)
	literals, distances := codes(head.literals), codes(head.distances)
	for _, t := range tokens {
		if t.length == 0 {
			w.code(literals[t.value])
			continue
		}
		l, d := lengthSymbol(t.length), distanceSymbol(t.value)
		w.code(literals[l.symbol])
		w.write(l.rest, l.extra)
		w.code(distances[d.symbol])
		w.write(d.rest, d.extra)
	}
	w.code(literals[endOfBlock])
}

func (w *writer) code(c code) { w.write(c.bits, c.length) }

const (
	dynamic    = 2 // block type
	endOfBlock = 256
)
