package profiles

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"hagen/gen/lazy"
)

// Version is an exact released version, such as 1.37.2.
type Version struct{ Major, Minor, Patch int }

var versionText = lazy.Regexp(`^v?(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})$`)

// ParseVersion reads 1.37.2 or v1.37.2. It accepts only exact released versions, not
// two numbers, pre-releases or build suffixes.
func ParseVersion(s string) (Version, bool) {
	m := versionText().FindStringSubmatch(s)
	if m == nil {
		return Version{}, false
	}
	var v Version
	for i, part := range []*int{&v.Major, &v.Minor, &v.Patch} {
		*part, _ = strconv.Atoi(m[i+1]) // at most four digits: cannot fail
	}
	return v, true
}

// String returns 1.37.2.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Line returns the minor release: 1.37.
func (v Version) Line() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Compare orders versions, oldest first.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// MarshalJSON writes the version as text.
func (v Version) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }
