package pki

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// inParallel calls work for 0 to n-1, on as many goroutines as there are processors to use,
// in ascending order. The error holds those of all calls, in the same order.
func inParallel(n int, work func(int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = work(i)
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}
