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

// keyPieces are parts of the keys that machines hold, in every way in which a
// hand may have put them somewhere else: raw, in hex and in base64, of the key
// or of its PEM. Every piece of pieceLength+pieceStride-1 characters of one
// holds at least one of them.
type keyPieces struct {
	texts  map[string]bool
	coarse [1 << 16]bool // by hash, so that most places need no second look
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

// key adds what data may look like elsewhere.
func (p *keyPieces) key(data []byte) {
	p.add(string(data))
	p.add(hex.EncodeToString(data))
	for shift := range min(3, len(data)) {
		p.add(strings.TrimRight(base64.StdEncoding.EncodeToString(data[shift:]), "="))
	}
}

// single is a value in base64 that a configuration's field holds.
var single = lazy.Regexp(`(?m)^[\s-]*"?(?:secret|client-key-data)"?:\s*"?([A-Za-z0-9+/]+=*)"?\s*$`)

// piecesOf collects the keys of machines. nil stands for none.
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

// settledBlanks are what may stand between the characters of a key.
var settledBlanks = strings.NewReplacer(" ", "", "\t", "", "\n", "", "\r", "", "\\n", "", "\\", "", `"`, "", "'", "", "#", "", ":", "")

// in says whether a text holds a piece: as it stands, without what wraps it,
// as a URL has it, and in capitals' hex.
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
