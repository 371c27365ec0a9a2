package e2e

import (
	"bufio"
	"context"
	"net/http"
	"testing"
	"time"

	"hagen/e2e/site"
)

// A watch on which nothing happens outlives the load balancer's client and
// server timeouts three times over. The load balancer is made again with
// short ones for this: its document is the only one that changes.
func TestIdleWatch(t *testing.T) {
	s := scenario(t, "5 idle watch")
	c := cluster(t)
	reimage(t, c, "loadBalancer: {timeouts: {client: 10s, server: 10s}}")
	defer reimage(t, c)
	space := freshNamespace(t, c, "watch")
	within(t, time.Minute, func() error {
		_, err := c.Kubectl("-n", space, "get", "configmap", "kube-root-ca.crt")
		return err
	})

	client := operator(t, c, site.OneForAll, 0)
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		client.URL+"/api/v1/namespaces/"+space+"/configmaps?watch=true&fieldSelector=metadata.name%3Dawaited", nil)
	must(t, err)
	response, err := client.HTTP.Do(request)
	must(t, err)
	defer response.Body.Close()

	begin := time.Now()
	time.Sleep(32 * time.Second)
	kubectl(t, c, "-n", space, "create", "configmap", "awaited")
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil {
		t.Fatalf("the watch ended after %s: %v", time.Since(begin), err)
	}
	s.figure(t, "timeouts of 10 s, silent for", time.Since(begin))
	if len(line) == 0 {
		t.Error("the watch says nothing")
	}
}

// reimage makes the load balancer again from a cluster file with further
// lines. The masters' documents stay what they are.
func reimage(t *testing.T, c *site.Cluster, further ...string) {
	t.Helper()
	must(t, c.Render("standard", further...))
	must(t, c.Balancers[0].Shutdown())
	must(t, c.Install(c.Balancers...))
	must(t, c.Boot(c.Balancers...))
	within(t, time.Minute, c.Healthy)
}
