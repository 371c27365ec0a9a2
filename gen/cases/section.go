package cases

import (
	"fmt"
	"os"
	"strings"
)

// Section holds what a document has between two texts against what it has to have there, or
// writes that.
func Section(path, begin, end, want string, update bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), begin)
	have, after, closed := strings.Cut(rest, end)
	switch {
	case !found || !closed:
		return fmt.Errorf("%s has no place for the table: %q and %q", path, begin, end)
	case have == want:
		return nil
	case !update:
		return fmt.Errorf("%s does not say what the rows say: make golden rewrites it", path)
	}
	return os.WriteFile(path, []byte(before+begin+want+end+after), 0o644)
}
