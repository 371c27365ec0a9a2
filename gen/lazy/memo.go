package lazy

import "sync"

// remembered is how many results a Memo keeps: more than the texts of two large clusters.
const remembered = 1024

// Memo gives a pure function of a text that computes each result once. All callers get the
// same value, and must not write to it.
func Memo[V any](of func(text string) V) func(text string) V {
	var lock sync.Mutex
	var known map[string]V
	return func(text string) V {
		lock.Lock()
		value, is := known[text]
		lock.Unlock()
		if is {
			return value
		}
		value = of(text)
		lock.Lock()
		defer lock.Unlock()
		if known == nil || len(known) >= remembered {
			known = map[string]V{}
		}
		known[text] = value
		return value
	}
}
