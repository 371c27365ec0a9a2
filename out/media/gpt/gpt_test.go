package gpt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hagen/out/media/bases"
	"hagen/out/media/gpt"
)

func read(image []byte) (*gpt.Table, error) {
	return gpt.Read(bytes.NewReader(image), int64(len(image)))
}

// added returns an image with a partition before the first one.
func added(image, content []byte) ([]byte, error) {
	t, err := read(image)
	if err != nil {
		return nil, err
	}
	writes, err := t.Before("cidata", gpt.Identity(sha256.Sum256(content)), content)
	if err != nil {
		return nil, err
	}
	image = bytes.Clone(image)
	for _, w := range writes {
		copy(image[w.Offset:], w.Bytes)
	}
	return image, nil
}

func TestBefore(t *testing.T) {
	content := bytes.Repeat([]byte("seed"), 20001)
	for name, tt := range map[string]struct {
		sector int64
		parts  []bases.Part
		offset int64
	}{
		"sectors of 512":  {512, bases.Debian(), 40 * 512},
		"sectors of 4096": {4096, bases.Debian(), 6 * 4096},
		"one partition":   {512, []bases.Part{{Number: 1, Start: 2048, Size: 2048}}, 40 * 512},
	} {
		image := bases.Disk(tt.sector, tt.parts)
		got, err := added(image, content)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		table, err := read(got)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, found := table.Find("cidata")
		if !found || p.Number != 128 || p.Offset != tt.offset || p.Size < int64(len(content)) || p.Size >= int64(len(content))+tt.sector {
			t.Errorf("%s: %+v", name, p)
		}
		if !bytes.Equal(got[p.Offset:][:len(content)], content) {
			t.Errorf("%s: the content is not there", name)
		}
		before, _ := read(image)
		if len(table.Partitions) != len(before.Partitions)+1 {
			t.Errorf("%s: %d partitions", name, len(table.Partitions))
		}
		for n, p := range before.Partitions {
			if table.Partitions[n] != p || !bytes.Equal(got[p.Offset:][:p.Size], image[p.Offset:][:p.Size]) {
				t.Errorf("%s: partition %d is another", name, p.Number)
			}
		}
		if again, _ := added(image, content); !bytes.Equal(again, got) {
			t.Errorf("%s: another image the second time", name)
		}
		if _, err := added(got, content); !errors.Is(err, gpt.ErrNoRoom) && !errors.Is(err, gpt.ErrFull) {
			t.Errorf("%s: a second one: %v", name, err)
		}
	}
}

// TestJudges: programs that partition disks find nothing wrong.
func TestJudges(t *testing.T) {
	judged := false
	for sector, parts := range map[int64][]bases.Part{512: bases.Debian()} {
		image, err := added(bases.Disk(sector, parts), bytes.Repeat([]byte("seed"), 20001))
		if err != nil {
			t.Fatal(err)
		}
		place := filepath.Join(t.TempDir(), "disk.raw")
		if err := os.WriteFile(place, image, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, judge := range []struct {
			program string
			args    []string
			want    string
		}{
			{"sgdisk", []string{"--verify", place}, "No problems found"},
			{"sgdisk", []string{"--info=128", place}, "Partition name: 'cidata'"},
			{"sgdisk", []string{"--info=128", place}, "(Linux filesystem)"},
			{"sfdisk", []string{"--verify", place}, "No errors detected"},
			{"sfdisk", []string{"--dump", place}, "name=\"cidata\""},
			{"partx", []string{"--show", "--nr", "128", place}, "cidata"},
		} {
			if _, err := exec.LookPath(judge.program); err != nil {
				continue
			}
			judged = true
			text, err := exec.Command(judge.program, judge.args...).CombinedOutput()
			if err != nil || !strings.Contains(string(text), judge.want) {
				t.Errorf("%s %s: %v, not %q:\n%s", judge.program, judge.args[0], err, judge.want, text)
			}
		}
	}
	if !judged {
		t.Skip("neither sgdisk nor sfdisk nor partx is installed")
	}
}

// resum corrects the checksums after a change of the first table.
func resum(b []byte) []byte {
	le := binary.LittleEndian
	count := le.Uint32(b[512+80:])
	if size := 1024 + int(count)*128; size <= len(b) {
		le.PutUint32(b[512+88:], crc32.ChecksumIEEE(b[1024:size]))
	}
	clear(b[512+16 : 512+20])
	le.PutUint32(b[512+16:], crc32.ChecksumIEEE(b[512:512+92]))
	return b
}

func TestRefused(t *testing.T) {
	le := binary.LittleEndian
	cut := gpt.CutShort{} // any
	crowded := append(bases.Debian(), bases.Part{Number: 128, Start: 20480, Size: 2048})
	for name, tt := range map[string]struct {
		parts  []bases.Part
		change func(b []byte) []byte
		want   error
	}{
		"empty":                      {nil, func([]byte) []byte { return nil }, gpt.ErrForeign},
		"zeros":                      {nil, func(b []byte) []byte { clear(b); return b }, gpt.ErrForeign},
		"no header":                  {nil, func(b []byte) []byte { clear(b[512:1024]); return b }, gpt.ErrBroken},
		"no MBR":                     {nil, func(b []byte) []byte { b[511] = 0; return b }, gpt.ErrForeign},
		"MBR with nothing":           {nil, func(b []byte) []byte { b[446+4] = 0; return b }, gpt.ErrForeign},
		"hybrid":                     {nil, func(b []byte) []byte { b[446+16+4] = 0x83; return b }, gpt.ErrHybrid},
		"cut short":                  {nil, func(b []byte) []byte { return b[:len(b)-512] }, cut},
		"cut in half":                {nil, func(b []byte) []byte { return b[:len(b)/2] }, cut},
		"a bit of the header":        {nil, func(b []byte) []byte { b[512+56] ^= 1; return b }, gpt.ErrBroken},
		"a bit of the entries":       {nil, func(b []byte) []byte { b[1024+32] ^= 1; return b }, gpt.ErrBroken},
		"a bit of the second header": {nil, func(b []byte) []byte { b[len(b)-512+56] ^= 1; return b }, gpt.ErrBroken},
		"another second table":       {nil, func(b []byte) []byte { b[1024+56] = 'x'; return resum(b) }, gpt.ErrBroken},
		"its own second":             {nil, func(b []byte) []byte { le.PutUint64(b[512+32:], 1); return resum(b) }, gpt.ErrBroken},
		"second nowhere":             {nil, func(b []byte) []byte { le.PutUint64(b[512+32:], 1<<63); return resum(b) }, gpt.ErrBroken},
		"second far away":            {nil, func(b []byte) []byte { le.PutUint64(b[512+32:], 1<<40); return resum(b) }, cut},
		"countless entries":          {nil, func(b []byte) []byte { le.PutUint32(b[512+80:], 1<<31); return resum(b) }, gpt.ErrBroken},
		"large entries":              {nil, func(b []byte) []byte { le.PutUint32(b[512+84:], 1<<20); return resum(b) }, gpt.ErrBroken},
		"large header":               {nil, func(b []byte) []byte { le.PutUint32(b[512+12:], 1<<20); return b }, gpt.ErrBroken},
		"no partition":               {[]bases.Part{}, nil, gpt.ErrNoRoom},
		"no room":                    {[]bases.Part{{Number: 1, Start: 34, Size: 2048}}, nil, gpt.ErrNoRoom},
		"little room":                {[]bases.Part{{Number: 1, Start: 63, Size: 2048}}, nil, gpt.ErrNoRoom},
		"a boot loader":              {nil, func(b []byte) []byte { b[64*512] = 1; return b }, gpt.ErrTaken},
		"no entry":                   {crowded, nil, gpt.ErrFull},
		"turned round":               {[]bases.Part{{Number: 1, Start: 2048, Size: -7}}, nil, gpt.ErrBroken},
		"in the table":               {[]bases.Part{{Number: 1, Start: 10, Size: 2048}}, nil, gpt.ErrBroken},
	} {
		parts := tt.parts
		if parts == nil {
			parts = bases.Debian()
		}
		var image []byte
		if name == "turned round" {
			image = bases.Disk(512, []bases.Part{{Number: 1, Start: 2048, Size: 2048}})
			le.PutUint64(image[1024+40:], 2040)
			le.PutUint64(image[len(image)-512-128*128+40:], 2040)
			image = resum(image)
			tt.change = func(b []byte) []byte { return both(b) }
		} else {
			image = bases.Disk(512, parts)
		}
		if tt.change != nil {
			image = tt.change(image)
		}
		_, err := added(image, make([]byte, 60000))
		if got := (gpt.CutShort{}); tt.want == cut && errors.As(err, &got) && got.Want > got.Have {
			continue
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// both corrects the checksums of the second table, too.
func both(b []byte) []byte {
	le := binary.LittleEndian
	h := b[len(b)-512:][:92]
	le.PutUint32(h[88:], crc32.ChecksumIEEE(b[len(b)-512-128*128:][:128*128]))
	clear(h[16:20])
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h))
	return b
}

// FuzzRead: no table makes the reader crash, wait, or take memory for more than its
// entries; what it makes of one, it reads.
func FuzzRead(f *testing.F) {
	small := bases.Disk(512, []bases.Part{{Number: 1, Name: "root", Start: 100, Size: 1}})
	f.Add(small[:1024+256], small[len(small)-512:])
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		image := bytes.Clone(small)
		copy(image, head)
		copy(image[len(image)-512:], tail)
		if len(image) > 1024+128*128 { // checksums that fit, to get behind them
			image = both(resum(image))
		}
		got, err := added(image, []byte("content"))
		if err != nil {
			return
		}
		if _, err := read(got); err != nil {
			t.Errorf("a partition was added, and then: %v", err)
		}
	})
}
