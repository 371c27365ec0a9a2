package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/nacl/secretbox"
)

// snapshot FILE [SECRET…] makes a snapshot as etcdctl saves it, with a Secret for each word: NAME=FILE is encrypted
// with the key in a file, as an API server does under that name; another word is how its value begins.
func snapshot(ts *testscript.TestScript, _ bool, args []string) {
	var revisions [][]byte
	for n, word := range args[1:] {
		value := []byte(word)
		if name, file, is := strings.Cut(word, "="); is {
			key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(ts.ReadFile(file)))
			ts.Check(err)
			nonce := [24]byte{byte(n)}
			value = secretbox.Seal(append([]byte("k8s:enc:secretbox:v1:"+name+":"), nonce[:]...), []byte("k8s\x00secret content"), &nonce, (*[32]byte)(key))
		}
		name := fmt.Sprintf("/registry/secrets/default/s%d", n)
		message := append([]byte{0x0a, byte(len(name))}, name...) // mvccpb.KeyValue
		message = binary.AppendUvarint(append(message, 0x2a), uint64(len(value)))
		revisions = append(revisions, append(message, value...))
	}
	const pageSize = 4096
	number := binary.LittleEndian
	page := func(id uint64, flags uint16, count int, contents []byte) []byte {
		header := number.AppendUint16(number.AppendUint16(number.AppendUint64(nil, id), flags), uint16(count))
		return append(append(header, make([]byte, 4)...), append(contents, make([]byte, pageSize-16-len(contents))...)...)
	}
	leaf := func(id uint64, flags uint32, keys, values [][]byte) []byte {
		var elements, data []byte
		for i := range keys {
			at := uint32(16*(len(keys)-i) + len(data))
			for _, n := range []uint32{flags, at, uint32(len(keys[i])), uint32(len(values[i]))} {
				elements = number.AppendUint32(elements, n)
			}
			data = append(append(data, keys[i]...), values[i]...)
		}
		return page(id, 2, len(keys), append(elements, data...))
	}
	meta := func(id uint64) []byte {
		text := number.AppendUint32(number.AppendUint32(number.AppendUint32(number.AppendUint32(nil, 0xED0CDAED), 2), pageSize), 0)
		for _, n := range []uint64{3, 0, 2, 5, 10 + id} {
			text = number.AppendUint64(text, n)
		}
		sum := fnv.New64a()
		sum.Write(text)
		return page(id, 4, 0, number.AppendUint64(text, sum.Sum64()))
	}
	var keys [][]byte
	for n := range revisions {
		keys = append(keys, binary.BigEndian.AppendUint64(append(binary.BigEndian.AppendUint64(nil, uint64(n+2)), '_'), 0))
	}
	bucket := number.AppendUint64(number.AppendUint64(nil, 4), 0)
	text := bytes.Join([][]byte{meta(0), meta(1), page(2, 0x10, 0, nil), leaf(3, 1, [][]byte{[]byte("key")}, [][]byte{bucket}), leaf(4, 0, keys, revisions)}, nil)
	sum := sha256.Sum256(text)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(text, sum[:]...), 0o600))
}
