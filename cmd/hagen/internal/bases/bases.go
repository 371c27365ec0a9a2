// Package bases opens the images that boot media are made from, and copies them.
package bases

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"hagen/cmd/hagen/internal/exit"
	"hagen/out/media"
	"hagen/out/outside/ext4"
	"hagen/out/tree"
)

// Base is an opened image.
type Base struct {
	*media.Base
	file *os.File
	info fs.FileInfo // when it was opened
}

// Bases are opened images, in the order of the flags.
type Bases []Base

// Open opens images. Each is a file by its own name: a device or what a link leads to may
// be another one at the next look.
func Open(paths []string) (Bases, error) {
	var all Bases
	for _, path := range paths {
		b, err := open(path)
		if err == nil {
			if other := slices.IndexFunc(all, func(o Base) bool { return os.SameFile(o.info, b.info) }); other >= 0 {
				b.file.Close()
				err = exit.Usage("--base %s: is the same file as %s: name it once", path, all[other].Path)
			}
		}
		if err != nil {
			all.Close()
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// Close closes the images.
func (all Bases) Close() {
	for _, b := range all {
		b.file.Close()
	}
}

func open(path string) (b Base, err error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, exit.Usage("--base %s: there is no such file", path)
	case err != nil:
		return b, exit.Failed("--base %s: cannot be read: %w", path, exit.Reason(err))
	case info.Mode()&fs.ModeSymlink != 0:
		return b, exit.Usage("--base %s: is a symbolic link: name the file itself", path)
	case info.Mode()&fs.ModeDevice != 0:
		return b, exit.Usage("--base %s: is a device: copy it to a file, and name that", path)
	case !info.Mode().IsRegular():
		return b, exit.Usage("--base %s: is not a regular file", path)
	}
	if b.file, err = tree.OpenRegular(path); err != nil {
		return b, exit.Failed("--base %s: cannot be opened: %w", path, exit.Reason(err))
	}
	defer func() {
		if err != nil {
			b.file.Close()
		}
	}()
	if b.info, err = b.file.Stat(); err != nil {
		return b, exit.Failed("--base %s: cannot be read: %w", path, exit.Reason(err))
	}
	b.Base, err = media.ReadBase(path, b.file, b.info.Size())
	return b, refused(path, err)
}

// refused gives an error about an image its exit code: that of the operating system could
// not be done, any other is about what was named.
func refused(path string, err error) error {
	if err == nil {
		return nil
	}
	if system, found := errors.AsType[*fs.PathError](err); found {
		return exit.Failed("--base %s: cannot be read: %w", path, system.Err)
	}
	return exit.Usage("--base %s: %w", path, err)
}

// Images are the images, for media.Source.
func (all Bases) Images() (images []*media.Base) {
	for _, b := range all {
		images = append(images, b.Base)
	}
	return images
}

// Measure reads all of the images, and sets their hashes and those of files that are made
// from them.
func (all Bases) Measure(made []media.File) error {
	for _, b := range all {
		if err := b.Base.Measure(made); err != nil {
			return refused(b.Path, err)
		}
		if err := b.unchanged(); err != nil {
			return err
		}
	}
	return nil
}

// unchanged returns an error if somebody wrote to the image since it was opened.
func (b Base) unchanged() error {
	now, err := b.file.Stat()
	if err == nil && (now.Size() != b.info.Size() || !now.ModTime().Equal(b.info.ModTime())) {
		err = errors.New("it changed while hagen was working: run again")
	}
	if err != nil {
		return exit.Failed("--base %s: %w", b.Path, exit.Reason(err))
	}
	return nil
}

// Fill returns what writes a file that is made from one of the images.
func (all Bases) Fill(f media.File) func(*os.File) error {
	b := all[slices.IndexFunc(all, func(b Base) bool { return b.Base == f.BaseOf })]
	return func(w *os.File) error {
		if err := b.copy(w); err != nil {
			return exit.Reason(err)
		}
		for _, e := range f.Edits {
			if _, err := w.WriteAt(e.Bytes, e.Offset); err != nil {
				return err
			}
		}
		return b.unchanged()
	}
}

// copy copies the image. The kernel does it, on file systems that can share blocks
// without copying; holes stay holes.
func (b Base) copy(w *os.File) error {
	from, err := tree.OpenRegular(b.Path) // its own place in the file: several copies are made at a time
	if err != nil {
		return err
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil || !os.SameFile(info, b.info) {
		return errors.Join(err, b.unchanged(), errors.New(b.Path+" changed while hagen was working: run again"))
	}
	size := b.info.Size()
	for at := int64(0); at < size; {
		start, end, err := data(from, at, size)
		if err != nil {
			return err
		}
		if start >= size {
			break
		}
		for _, file := range []*os.File{from, w} {
			if _, err := file.Seek(start, io.SeekStart); err != nil {
				return err
			}
		}
		if _, err := io.CopyN(w, from, end-start); err != nil {
			return err
		}
		at = end
	}
	return w.Truncate(size)
}

// PutFiles is media.PutFiles by debugfs, which works in a directory.
func PutFiles(scratch string) media.PutFiles {
	return func(system io.ReaderAt, size int64, files []media.BootFile, present ...string) (edits []media.Edit, err error) {
		var put []ext4.File
		for _, f := range files {
			put = append(put, ext4.File(f))
		}
		writes, err := ext4.Put(system, size, scratch, put, present...)
		for _, w := range writes {
			edits = append(edits, media.Edit(w))
		}
		return edits, said(err)
	}
}

// said says what to do about errors of boot partitions.
func said(err error) error {
	switch {
	case errors.As(err, &ext4.Exists{}):
		return errors.New("already has a document: name the image as it was downloaded")
	case errors.As(err, &ext4.Lacks{}):
		return errors.New("has been booted: name the image as it was downloaded")
	case errors.Is(err, ext4.ErrRefused):
		return errors.New("has a boot partition that debugfs cannot write to: download it again, and compare its checksum")
	}
	return err
}
