package site

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Forwarder stands in for a load balancer that somebody else runs: it passes
// connections on to one master's API server after the other.
type Forwarder struct {
	listener net.Listener
	targets  []string

	mu   sync.Mutex
	next int
	open map[net.Conn]bool
}

// Forward starts one at the endpoint of a layout that has none.
func (c *Cluster) Forward() (*Forwarder, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", StandIn, endpointPort))
	f := &Forwarder{listener: listener, open: map[net.Conn]bool{}}
	for _, m := range c.Masters {
		f.targets = append(f.targets, fmt.Sprintf("%s:%d", m.Address, c.Layout.APIPort()))
	}
	if err == nil {
		go f.accept()
	}
	return f, err
}

// Close ends it, and every connection through it.
func (f *Forwarder) Close() error {
	err := f.listener.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.open {
		conn.Close()
	}
	return err
}

func (f *Forwarder) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.pass(client)
	}
}

// pass serves one connection until either side ends it.
func (f *Forwarder) pass(client net.Conn) {
	defer client.Close()
	server, err := f.dial()
	if err != nil {
		return
	}
	defer server.Close()
	f.mark(true, client, server)
	defer f.mark(false, client, server)
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() { io.Copy(way[0], way[1]); ended <- struct{}{} }()
	}
	<-ended
}

func (f *Forwarder) mark(open bool, conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.open[c] = open
		if !open {
			delete(f.open, c)
		}
	}
}

func (f *Forwarder) dial() (conn net.Conn, err error) {
	for range f.targets {
		f.mu.Lock()
		target := f.targets[f.next%len(f.targets)]
		f.next++
		f.mu.Unlock()
		if conn, err = net.DialTimeout("tcp", target, time.Second); err == nil {
			return conn, nil
		}
	}
	return nil, err
}
