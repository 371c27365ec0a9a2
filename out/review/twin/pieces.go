package twin

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/url"
	"strings"

	"hagen/gen/lazy"
	"hagen/gen/node"
)

// keyPieces are pieces of the machines' keys in every form in which someone may have
// copied them: raw, hex and base64, of the key and of its PEM. Every part of a key of
// pieceLength+pieceStride-1 characters contains at least one piece.
type keyPieces struct {
	texts  map[string]bool
	coarse [1 << 16]bool // by hash: most positions need no look-up in texts
}

const (
	pieceLength = 16
	pieceStride = 4
)

func hash(text string) uint16 {
	return uint16((uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24) * 2654435761 >> 16)
}

func (p *keyPieces) add(text string) {
	for i := 0; i+pieceLength <= len(text); i += pieceStride {
		p.texts[text[i:i+pieceLength]] = true
		p.coarse[hash(text[i:])] = true
	}
}

// key adds the forms of a key.
func (p *keyPieces) key(data []byte) {
	p.add(string(data))
	p.add(hex.EncodeToString(data))
	for shift := range min(3, len(data)) {
		p.add(strings.TrimRight(base64.StdEncoding.EncodeToString(data[shift:]), "="))
	}
}

// single is a base64 value in a field of a configuration.
var single = lazy.Regexp(`(?m)^[\s-]*"?(?:secret|client-key-data)"?:\s*"?([A-Za-z0-9+/]+=*)"?\s*$`)

// piecesOf collects the keys of machines; nil if there are none.
func piecesOf(nodes ...node.Node) *keyPieces {
	p := &keyPieces{texts: map[string]bool{}}
	private := func(text []byte) {
		for rest := text; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				return
			}
			if strings.HasSuffix(block.Type, "PRIVATE KEY") {
				p.key(block.Bytes)
				p.key(pem.EncodeToMemory(block))
			}
		}
	}
	for _, n := range nodes {
		for _, f := range n.Files {
			if !node.HoldsSecret(f.Contents) {
				continue
			}
			private(f.Contents)
			for _, m := range single().FindAllSubmatch(f.Contents, -1) {
				data, err := base64.StdEncoding.DecodeString(string(m[1]))
				if err != nil || len(data) < pieceLength {
					continue
				}
				private(data)
				if block, _ := pem.Decode(data); block == nil {
					p.key(data)
					p.key(m[1])
				}
			}
		}
	}
	if len(p.texts) == 0 {
		return nil
	}
	return p
}

// settledBlanks removes what may be between the characters of a key.
var settledBlanks = strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "", "\\n", "", "\\", "", `"`, "", "'", "", "#", "", ":", "")

// in reports whether a text holds a piece: as it is, without white space and quotes, in
// upper-case hex, or URL-encoded.
func (p *keyPieces) in(text []byte) bool {
	if p == nil || len(text) < pieceLength {
		return false
	}
	if p.holds(string(text)) {
		return true
	}
	bare := settledBlanks.Replace(string(text))
	if p.holds(bare) || p.holds(strings.ToLower(bare)) {
		return true
	}
	if bytes.IndexByte(text, '%') < 0 {
		return false
	}
	open, err := url.PathUnescape(bare)
	return err == nil && p.holds(open)
}

func (p *keyPieces) holds(text string) bool {
	for i := 0; i+pieceLength <= len(text); i++ {
		if p.coarse[hash(text[i:])] && p.texts[text[i:i+pieceLength]] {
			return true
		}
	}
	return false
}
