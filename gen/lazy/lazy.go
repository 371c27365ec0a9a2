// Package lazy makes what a run may do without when it is first asked for.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp gives a regular expression, which is compiled at the first call. Most
// runs ask few of those that are written down.
func Regexp(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
