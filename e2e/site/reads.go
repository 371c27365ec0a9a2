package site

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Reads is a client that reads the same thing through the load balancer without
// pause.
type Reads struct {
	client *Client
	path   string
	stop   context.CancelFunc
	under  sync.WaitGroup

	mu      sync.Mutex
	answers []answer
}

// answer is a status, 0 for none, and when it was there.
type answer struct {
	at     time.Time
	status int
}

// Read starts reading, once each interval, whether or not earlier ones have been
// answered.
func (c *Client) Read(path string, interval time.Duration) *Reads {
	r := &Reads{client: c, path: path}
	r.stop = every(interval, &r.under, func() { r.under.Go(r.read) })
	return r
}

func (r *Reads) read() {
	status, _, err := r.client.Do(context.Background(), http.MethodGet, r.path, nil)
	if err != nil {
		status = 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, answer{time.Now(), status})
}

// Stop ends the reading and waits for the last answers.
func (r *Reads) Stop() {
	r.stop()
	r.under.Wait()
}

// First says when the first answer with a status was there.
func (r *Reads) First(status int) (first time.Time, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.answers {
		if a.status == status && (!found || a.at.Before(first)) {
			first, found = a.at, true
		}
	}
	return first, found
}

// Count says how many answers there were since a time, and how many of them had a
// status.
func (r *Reads) Count(since time.Time, status int) (with, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.answers {
		if a.at.Before(since) {
			continue
		}
		all++
		if a.status == status {
			with++
		}
	}
	return with, all
}
