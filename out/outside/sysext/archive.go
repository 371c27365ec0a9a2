package sysext

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"

	"hagen/out/tree"
)

// File returns a binary that is a file.
func File(name, place string) Binary {
	return Binary{name, func() (io.ReadCloser, error) {
		file, err := tree.OpenRegular(place)
		if err != nil {
			return nil, fmt.Errorf("%s: cannot be opened: %w", place, reason(err))
		}
		return file, nil
	}}
}

// Archived returns a binary in any directory of a .tar.gz: of the files with
// its name the one that is a program, as machines choose it, too.
func Archived(name, archive string) Binary {
	return Binary{name, func() (io.ReadCloser, error) {
		file, err := tree.OpenRegular(archive)
		if err != nil {
			return nil, fmt.Errorf("%s: cannot be opened: %w", archive, reason(err))
		}
		member, err := find(file, name)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", archive, err)
		}
		return struct {
			io.Reader
			io.Closer
		}{member, file}, nil
	}}
}

// Holds reports whether an archive has a binary.
func Holds(archive, name string) (bool, error) {
	member, err := Archived(name, archive).Open()
	if err == nil {
		member.Close()
	}
	if errors.Is(err, errNotIn) {
		return false, nil
	}
	return err == nil, err
}

var errNotIn = errors.New("the binary is not in it")

func find(file io.Reader, name string) (io.Reader, error) {
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, errors.New("is not a gzip archive")
	}
	members := tar.NewReader(unzipped)
	for {
		header, err := members.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errNotIn
		case err != nil:
			return nil, errors.New("is not a tar archive, or is cut short")
		case header.Typeflag == tar.TypeReg && path.Base(header.Name) == name:
			member := bufio.NewReader(members)
			if magic, _ := member.Peek(len(elfMagic)); string(magic) == elfMagic {
				return member, nil
			}
		}
	}
}
