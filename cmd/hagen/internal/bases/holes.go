package bases

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// data returns the next range of a file that is not a hole; its start is at the end of the
// file if there is none (lseek(2), SEEK_DATA). File systems that know no holes have one
// range.
func data(file *os.File, at, size int64) (start, end int64, err error) {
	start, err = unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size, size, nil
	}
	if err != nil {
		return at, size, nil
	}
	if end, err = unix.Seek(int(file.Fd()), start, unix.SEEK_HOLE); err != nil {
		return start, size, nil
	}
	return start, min(end, size), nil
}
