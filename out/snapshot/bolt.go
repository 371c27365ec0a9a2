package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
)

// A snapshot is a file of bbolt (go.etcd.io/bbolt, page.go, db.go, bucket.go): pages that form trees. Numbers
// are those of the machine that wrote it: all that run etcd are little endian.
const (
	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	elementSize = 16 // of a leaf: flags 4, position 4, key size 4, value size 4; of a branch: position 4, key size 4, page 8

	branchPage, leafPage = 0x01, 0x02
	bucketElement        = 0x01

	boltMagic, boltVersion = 0xED0CDAED, 2
	metaSize               = 64 // magic 4, version 4, page size 4, flags 4, root 8, sequence 8, freelist 8, pages 8, transaction 8, checksum 8

	maxDepth = 64       // of a tree: a real one of any size has fewer than ten
	maxPage  = 64 << 20 // bytes of a page with its overflow: a write of etcd has at most some megabytes
)

var errDamaged = errors.New("it is no database of etcd, or it is damaged")

// bolt is an open file.
type bolt struct {
	file     io.ReaderAt
	size     int64
	pageSize int64
	root     uint64 // page of the root bucket
	left     int64  // pages that may still be read: each is part of one tree
	leaf     []byte // of the last leaf page
}

// openBolt finds the newest of the two pages that say where the data is.
func openBolt(file io.ReaderAt, size int64) (*bolt, error) {
	b := &bolt{file: file, size: size}
	newest := uint64(0)
	for pageSize := int64(1024); pageSize <= 64<<10; pageSize *= 2 {
		for at := range int64(2) {
			meta := make([]byte, metaSize)
			if _, err := file.ReadAt(meta, at*pageSize+pageHeader); err != nil || !isMeta(meta, pageSize) {
				continue
			}
			if transaction := binary.LittleEndian.Uint64(meta[48:]); b.pageSize == 0 || transaction > newest {
				newest, b.pageSize, b.root = transaction, pageSize, binary.LittleEndian.Uint64(meta[16:])
			}
		}
		if b.pageSize > 0 {
			b.left = size/b.pageSize + 1
			return b, nil
		}
	}
	return nil, errDamaged
}

func isMeta(meta []byte, pageSize int64) bool {
	sum := fnv.New64a()
	sum.Write(meta[:56])
	return binary.LittleEndian.Uint32(meta) == boltMagic && binary.LittleEndian.Uint32(meta[4:]) == boltVersion &&
		int64(binary.LittleEndian.Uint32(meta[8:])) == pageSize && binary.LittleEndian.Uint64(meta[56:]) == sum.Sum64()
}

// page reads a page with its overflow into a buffer, and returns it.
func (b *bolt) page(id uint64, buffer []byte) ([]byte, error) {
	if b.left--; b.left < 0 || id > uint64(b.size/b.pageSize) {
		return nil, errDamaged
	}
	at := int64(id) * b.pageSize
	buffer = grown(buffer, b.pageSize)
	if _, err := b.file.ReadAt(buffer, at); err != nil {
		return nil, readError(err)
	}
	whole := (int64(binary.LittleEndian.Uint32(buffer[12:])) + 1) * b.pageSize
	b.left -= whole/b.pageSize - 1
	if whole > maxPage || at+whole > b.size || b.left < 0 {
		return nil, errDamaged
	}
	if whole > b.pageSize {
		buffer = grown(buffer, whole)
		if _, err := b.file.ReadAt(buffer[b.pageSize:], at+b.pageSize); err != nil {
			return nil, readError(err)
		}
	}
	return buffer, nil
}

// grown returns a buffer of a size that begins as the given one.
func grown(buffer []byte, size int64) []byte {
	if int64(cap(buffer)) >= size {
		return buffer[:size]
	}
	return append(buffer[:cap(buffer)], make([]byte, size-int64(cap(buffer)))...)
}

func readError(err error) error {
	if errors.Is(err, io.EOF) {
		return errDamaged
	}
	return err
}

// element is a part of a page, which all its positions are in.
type element struct {
	flags      uint32
	key, value []byte
	at         int64  // of the value, in the file
	page       uint64 // of a branch
}

// elements returns those of a page: is it a leaf, and how many it has.
func elements(page []byte) (leaf bool, count int, err error) {
	flags, count := binary.LittleEndian.Uint16(page[8:]), int(binary.LittleEndian.Uint16(page[10:]))
	if flags != leafPage && flags != branchPage || pageHeader+count*elementSize > len(page) {
		return false, 0, errDamaged
	}
	return flags == leafPage, count, nil
}

// elementAt returns an element of a page, which begins somewhere in the file.
func elementAt(page []byte, from int64, leaf bool, n int) (e element, err error) {
	at := uint64(pageHeader + n*elementSize)
	number := func(offset uint64) uint64 { return uint64(binary.LittleEndian.Uint32(page[at+offset:])) }
	flags, position, keySize, valueSize := number(0), number(4), number(8), number(12)
	if !leaf {
		e.page = binary.LittleEndian.Uint64(page[at+8:])
		return e, nil
	}
	begin := at + position
	if begin+keySize+valueSize > uint64(len(page)) {
		return e, errDamaged
	}
	value := begin + keySize
	return element{flags: uint32(flags), key: page[begin:value], value: page[value : value+valueSize], at: from + int64(value)}, nil
}

// walk calls do for each element below a page, in the order of keys.
func (b *bolt) walk(id uint64, depth int, do func(element) error) error {
	if depth > maxDepth {
		return errDamaged
	}
	page, err := b.page(id, b.leaf)
	if err != nil {
		return err
	}
	b.leaf = page
	leaf, count, err := elements(page)
	if err != nil {
		return err
	}
	if leaf {
		return each(page, int64(id)*b.pageSize, count, do)
	}
	var below []uint64 // reading them overwrites this page
	for n := range count {
		e, err := elementAt(page, 0, false, n)
		if err != nil {
			return err
		}
		below = append(below, e.page)
	}
	for _, child := range below {
		if err := b.walk(child, depth+1, do); err != nil {
			return err
		}
	}
	return nil
}

func each(page []byte, from int64, count int, do func(element) error) error {
	for n := range count {
		e, err := elementAt(page, from, true, n)
		if err == nil {
			err = do(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket calls do for each element of a bucket of the root; found is false if there is none of the name.
func (b *bolt) bucket(name string, do func(element) error) (found bool, err error) {
	var header []byte
	var from int64
	err = b.walk(b.root, 0, func(e element) error {
		if string(e.key) == name && e.flags&bucketElement != 0 {
			header, from = bytes.Clone(e.value), e.at // the page's place is taken by others
		}
		return nil
	})
	if err != nil || len(header) < 16 {
		return false, err
	}
	if root := binary.LittleEndian.Uint64(header); root != 0 {
		return true, b.walk(root, 0, do)
	}
	inline := header[16:] // a small bucket is a page in its element
	if len(inline) < pageHeader {
		return false, errDamaged
	}
	leaf, count, err := elements(inline)
	if err != nil || !leaf {
		return false, errDamaged
	}
	return true, each(inline, from+16, count, do)
}
