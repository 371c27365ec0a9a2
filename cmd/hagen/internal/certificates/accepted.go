package certificates

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"hagen/gen/cluster"
	"hagen/gen/control"
	"hagen/out/outside/served"
)

// acceptedWithin is the time for all servers together.
const acceptedWithin = 5 * time.Second

// Refusing asks all servers that verify clients with the authority of a kind whether they accept those
// of its next generation, whose subject is given in DER. A server lists the authorities that it
// accepts in each handshake. Refusing says of each that does not list it, and of each that did not
// answer, why.
func Refusing(c *cluster.Cluster, row control.Rotated, subject []byte, without []string) (problems []string) {
	api, etcd := row.Verifiers(c)
	all := slices.DeleteFunc(servers(c), func(s server) bool {
		if slices.Contains(without, s.Host) {
			return true
		}
		switch s.Daemon {
		case daemonAPI:
			return !api
		case daemonEtcd, daemonPeer:
			return !etcd
		}
		return true // a load balancer: an API server answers
	})
	var addresses []string
	for _, s := range all {
		addresses = append(addresses, s.Address)
	}
	ctx, cancel := context.WithTimeout(context.Background(), acceptedWithin)
	defer cancel()
	for i, answer := range served.Ask(ctx, addresses) {
		problem := "does not accept its clients yet"
		switch {
		case answer.Leaf == nil:
			problem = answer.Problem
		case slices.ContainsFunc(answer.Accepts, func(name []byte) bool { return bytes.Equal(name, subject) }):
			continue
		}
		problems = append(problems, fmt.Sprintf("%s: %s at %s: %s", all[i].Host, all[i].Daemon, all[i].Address, problem))
	}
	return problems
}
