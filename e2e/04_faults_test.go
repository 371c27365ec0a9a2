package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hagen/e2e/site"
)

// Each daemon crashes on some machine; systemd starts it again and the
// cluster heals.
func TestCrash(t *testing.T) {
	s := scenario(t, "4 crash of each daemon")
	c := cluster(t)
	for i, h := range []*site.Host{c.Masters[0], c.Masters[1], c.Masters[2], c.Masters[0], c.Balancers[0]} {
		unit := append(c.Units(c.Masters[0]), "haproxy.service")[i]
		before, err := h.Property(unit, "MainPID")
		must(t, err)
		begin := time.Now()
		must(t, h.Crash(unit))
		within(t, time.Minute, func() error {
			now, err := h.Property(unit, "MainPID")
			if now == before || now == "0" {
				return fmt.Errorf("%s has not come back %w", unit, err)
			}
			return nil
		})
		within(t, time.Minute, c.Healthy)
		s.figure(t, strings.TrimSuffix(unit, ".service"), time.Since(begin))
	}
}

// An API server hangs with its port open: the load balancer takes it out, and
// in again when it goes on.
func TestHang(t *testing.T) {
	s := scenario(t, "4 an API server hangs")
	c := cluster(t)
	victim := c.Masters[1]
	begin := time.Now()
	must(t, victim.Pause("kube-apiserver.service"))
	s.figure(t, "out", untilState(t, c, victim, "DOWN", begin))
	client := operator(t, c, site.NewEachTime, 5*time.Second)
	for range 30 {
		if err := client.Get("/api/v1/namespaces/default", nil); err != nil {
			t.Errorf("with the hung API server out: %v", err)
		}
	}
	begin = time.Now()
	must(t, victim.Resume("kube-apiserver.service"))
	s.figure(t, "in", untilState(t, c, victim, "UP", begin))
	within(t, time.Minute, c.Healthy)
}

// untilState waits until the load balancer has said since a time that an API
// server is UP, DOWN or stopping.
func untilState(t *testing.T, c *site.Cluster, h *site.Host, want string, since time.Time) time.Duration {
	t.Helper()
	return within(t, time.Minute, func() error {
		states, err := c.Balancers[0].States(since)
		if states[h.Name] != want {
			return fmt.Errorf("the load balancer has %s as %q %w", h.Name, states[h.Name], err)
		}
		return nil
	})
}

// An API server is restarted with systemctl while clients work without
// pause, on long connections and on new ones: none of them notices.
func TestPoliteRestart(t *testing.T) {
	s := scenario(t, "4 polite restart of an API server")
	c := cluster(t)
	victim := c.Masters[2]
	space := freshNamespace(t, c, "polite")
	busy := &load{space: space}
	for range 3 {
		busy.start(operator(t, c, site.NewEachTime, 20*time.Second))
	}
	for _, h := range c.Masters {
		there, err := c.OperatorAt(h, 20*time.Second)
		must(t, err)
		busy.start(there)
	}
	time.Sleep(2 * time.Second)
	begin := time.Now()
	_, err := victim.Exec("systemctl", "restart", "kube-apiserver.service")
	must(t, err)
	s.figure(t, "restart", time.Since(begin))
	untilState(t, c, victim, "UP", begin)
	time.Sleep(3 * time.Second)
	busy.end()
	s.note(t, "%d requests, %d told to ask again, %d lost", busy.sent, busy.again, len(busy.problems))
	for i, p := range busy.problems {
		if i < 10 {
			t.Error(p)
		}
	}
}

// load is clients that each send one request after the other.
type load struct {
	space    string
	done     chan struct{}
	under    sync.WaitGroup
	mu       sync.Mutex
	sent     int
	again    int // of them, told to ask again
	problems []string
}

func (l *load) start(client *site.Client) {
	if l.done == nil {
		l.done = make(chan struct{})
	}
	id := fmt.Sprintf("client-%d", time.Now().UnixNano())
	l.under.Add(1)
	go func() {
		defer l.under.Done()
		for i := 0; ; i++ {
			select {
			case <-l.done:
				return
			default:
				l.request(client, fmt.Sprintf("%s-%d", id, i))
			}
		}
	}()
}

// request writes an object and reads it.
func (l *load) request(client *site.Client, name string) {
	path := "/api/v1/namespaces/" + l.space + "/configmaps"
	object := map[string]any{"metadata": map[string]any{"name": name}}
	l.one(client, http.MethodPost, path, object, http.StatusCreated)
	l.one(client, http.MethodGet, path+"/"+name, nil, http.StatusOK)
}

func (l *load) one(client *site.Client, method, path string, body any, want int) {
	begin := time.Now()
	status, answer, err := client.Do(context.Background(), method, path, body)
	again := status == http.StatusServiceUnavailable && bytes.Contains(answer, []byte("apiserver is shutting down"))
	if again {
		// On a connection that was open already, in the moment before the API
		// server closes it: nothing was done, and Retry-After says when to ask
		// again (apiserver, filters/waitgroup.go), which client-go does.
		time.Sleep(time.Second)
		status, _, err = client.Do(context.Background(), method, path, body)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if again {
		l.again++
	}
	if err != nil || status != want {
		l.problems = append(l.problems, fmt.Sprintf("%s %s %s after %s: %d %v", time.Now().Format("15:04:05.000"), method, path, time.Since(begin), status, err))
	}
}

func (l *load) end() {
	close(l.done)
	l.under.Wait()
}

// One etcd member dies for good. Its own API server leaves the load
// balancer; the two others stay, however busy they are.
func TestEtcdMemberDies(t *testing.T) {
	s := scenario(t, "4 one etcd member dies")
	c := cluster(t)
	leader, err := c.EtcdLeader()
	must(t, err)
	victim := c.Masters[0]
	for _, h := range c.Masters {
		if h.Name == leader {
			victim = h
		}
	}
	space := freshNamespace(t, c, "member")
	busy := &load{space: space}
	for range 6 {
		busy.start(operator(t, c, site.NewEachTime, 5*time.Second))
	}
	writes := operator(t, c, site.NewEachTime, 5*time.Second).Write(space, "write", 200*time.Millisecond)
	time.Sleep(2 * time.Second)
	begin := time.Now()
	must(t, victim.Crash("etcd.service"))
	_, err = victim.Exec("systemctl", "stop", "etcd.service")
	must(t, err)
	s.figure(t, "its API server out", untilState(t, c, victim, "DOWN", begin))
	time.Sleep(10 * time.Second)
	s.figure(t, "write gap", writes.Gap(begin.Add(-time.Second), time.Now()))
	states, err := c.Balancers[0].States(begin)
	must(t, err)
	for _, h := range c.Masters {
		if said, any := states[h.Name]; any && h != victim {
			t.Errorf("%s was healthy, but the load balancer said %s", h.Name, said)
		}
	}
	_, err = victim.Exec("systemctl", "start", "etcd.service")
	must(t, err)
	busy.end()
	writes.Stop()
	within(t, time.Minute, c.Healthy)
	lost, err := writes.Lost()
	must(t, err)
	if len(lost) > 0 {
		t.Errorf("acknowledged writes are lost: %v", lost)
	}
}
