package iso9660

import (
	"encoding/binary"
	"testing"
)

// read reads the files of a volume by Rock Ridge's names, and holds Joliet's tree
// against them. It uses none of the writer's code.
func read(t *testing.T, image []byte) map[string][]byte {
	t.Helper()
	var found [2]map[string][]byte
	for i := range found {
		d := image[(16+i)*2048:]
		if string(d[1:6]) != "CD001" || int(d[0]) != i+1 {
			t.Fatalf("descriptor %d: %q", i, d[:7])
		}
		if total := binary.LittleEndian.Uint32(d[80:]); int(total)*2048 != len(image) {
			t.Errorf("the volume says %d sectors, and has %d bytes", total, len(image))
		}
		found[i] = map[string][]byte{}
		walk(t, image, d[156:190], "", i == 1, found[i])
	}
	if len(found[0]) != len(found[1]) {
		t.Errorf("the trees differ: %d files and %d", len(found[0]), len(found[1]))
	}
	for name, data := range found[0] {
		if string(found[1][name]) != string(data) {
			t.Errorf("%s differs between the trees", name)
		}
	}
	return found[0]
}

// walk reads the directory that a record names.
func walk(t *testing.T, image, dir []byte, prefix string, joliet bool, into map[string][]byte) {
	t.Helper()
	at, size := binary.LittleEndian.Uint32(dir[2:]), binary.LittleEndian.Uint32(dir[10:])
	if at != binary.BigEndian.Uint32(dir[6:]) || size != binary.BigEndian.Uint32(dir[14:]) {
		t.Fatalf("a record contradicts itself: %x", dir)
	}
	records := image[at*2048 : at*2048+size]
	for n := 0; len(records) > 0; n++ {
		length := int(records[0])
		if length == 0 { // the rest of a sector
			rest := len(records) % 2048
			if rest == 0 {
				rest = 2048
			}
			records = records[rest:]
			continue
		}
		r := records[:length]
		records = records[length:]
		if n < 2 {
			continue // itself, and the one above
		}
		name := nameIn(r, joliet)
		if r[25]&2 != 0 {
			walk(t, image, r, prefix+name+"/", joliet, into)
			continue
		}
		begin, long := binary.LittleEndian.Uint32(r[2:])*2048, binary.LittleEndian.Uint32(r[10:])
		if _, twice := into[prefix+name]; twice {
			t.Errorf("%s is there twice", prefix+name)
		}
		into[prefix+name] = image[begin : begin+long]
	}
}

// nameIn returns the name in a record.
func nameIn(r []byte, joliet bool) (name string) {
	id := r[33 : 33+int(r[32])]
	if joliet {
		for i := 1; i < len(id); i += 2 {
			name += string(rune(id[i]))
		}
		return name
	}
	for entries := r[(33+len(id)+1)/2*2:]; len(entries) > 4; entries = entries[entries[2]:] {
		if string(entries[:2]) == "NM" {
			return string(entries[5:entries[2]])
		}
	}
	return ""
}
