package lazy

import (
	"strconv"
	"sync"
	"testing"
)

// TestMemoAtOnce: a result is computed once, and what is remembered has a bound.
func TestMemoAtOnce(t *testing.T) {
	calls := 0
	length := Memo(func(text string) int { calls++; return len(text) })
	for range 3 {
		if got := length("abc"); got != 3 {
			t.Errorf("%d", got)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	number := Memo(func(text string) int { n, _ := strconv.Atoi(text); return n })
	var all sync.WaitGroup
	for from := range 4 {
		all.Go(func() {
			for i := range 3 * remembered {
				if got := number(strconv.Itoa(i + from)); got != i+from {
					t.Errorf("%d is %d", i+from, got)
				}
			}
		})
	}
	all.Wait()
}
