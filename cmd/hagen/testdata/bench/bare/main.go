// Command bare makes as many RSA keys and as many signatures as it is told to,
// on all processors, and nothing else: what no generator of a PKI does without.
package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

func main() {
	made := make([]*rsa.PrivateKey, number(1))
	inParallel(len(made), func(i int) {
		var err error
		if made[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	})
	sum := sha256.Sum256(nil)
	inParallel(number(2), func(i int) {
		if _, err := rsa.SignPKCS1v15(rand.Reader, made[i%len(made)], crypto.SHA256, sum[:]); err != nil {
			panic(err)
		}
	})
}

func number(argument int) int {
	n, err := strconv.Atoi(os.Args[argument])
	if err != nil {
		panic(err)
	}
	return n
}

func inParallel(n int, work func(int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				work(i)
			}
		})
	}
	workers.Wait()
}
