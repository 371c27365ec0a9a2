package site

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Writes is a client that writes through the load balancer without pause:
// one object each interval, whether or not earlier ones have been answered.
type Writes struct {
	Sent, Refused int
	Distrusted    int // of those refused: a side did not trust the other's certificate

	client *Client
	space  string
	stop   context.CancelFunc
	under  sync.WaitGroup

	mu    sync.Mutex
	acked map[string]time.Time
}

// Write starts writing ConfigMaps into a namespace. Their names begin with
// the prefix.
func (c *Client) Write(space, prefix string, interval time.Duration) *Writes {
	w := &Writes{client: c, space: space, acked: map[string]time.Time{}}
	w.stop = every(interval, &w.under, func() {
		w.Sent++
		name := fmt.Sprintf("%s-%06d", prefix, w.Sent)
		w.under.Go(func() { w.write(name) })
	})
	return w
}

// every does something once each interval until it is stopped.
func every(interval time.Duration, under *sync.WaitGroup, do func()) (stop context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	under.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				do()
			}
		}
	})
	return stop
}

func (w *Writes) write(name string) {
	object := map[string]any{"metadata": map[string]any{"name": name}, "data": map[string]any{"value": name}}
	status, _, err := w.client.Do(context.Background(), http.MethodPost, "/api/v1/namespaces/"+w.space+"/configmaps", object)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && status == http.StatusCreated {
		w.acked[name] = time.Now()
	} else {
		w.Refused++
		if Distrusts(err) {
			w.Distrusted++
		}
	}
}

// Distrusts says whether a request failed since a side does not trust the other's
// certificate.
func Distrusts(err error) bool {
	var server *tls.CertificateVerificationError
	var client tls.AlertError
	return errors.As(err, &server) || errors.As(err, &client)
}

// Stop ends the writing and waits for the last answers.
func (w *Writes) Stop() {
	w.stop()
	w.under.Wait()
}

// Acked says how many writes were acknowledged since a time.
func (w *Writes) Acked(since time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, at := range w.acked {
		if at.After(since) {
			n++
		}
	}
	return n
}

// Gap gives the longest time between two acknowledged writes that ended
// between two times. Time before the first and after the last counts.
func (w *Writes) Gap(from, to time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := []time.Time{from, to}
	for _, at := range w.acked {
		if at.After(from) && at.Before(to) {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	longest := time.Duration(0)
	for i := 1; i < len(times); i++ {
		longest = max(longest, times[i].Sub(times[i-1]))
	}
	return longest
}

// Lost gives the acknowledged writes that are not in the cluster.
func (w *Writes) Lost() ([]string, error) { return w.LostOf(time.Now()) }

// LostAt asks another client, for one that nobody answers any more.
func (w *Writes) LostAt(client *Client) ([]string, error) {
	w.client = client
	return w.Lost()
}

// LostOf gives those that were acknowledged before a time and are not in the
// cluster.
func (w *Writes) LostOf(before time.Time) ([]string, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Data     struct{ Value string }
		}
	}
	if err := w.client.Get("/api/v1/namespaces/"+w.space+"/configmaps", &list); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, i := range list.Items {
		found[i.Metadata.Name] = i.Data.Value
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var lost []string
	for name, at := range w.acked {
		if at.Before(before) && found[name] != name {
			lost = append(lost, name)
		}
	}
	return lost, nil
}
