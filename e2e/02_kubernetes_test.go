package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// What people do with a cluster: namespaces, objects, Deployments that become
// Pods, Pods that get a node, tokens, Secrets, an aggregated API.
func TestWorksAsKubernetes(t *testing.T) {
	s := scenario(t, "2 works as Kubernetes")
	c := cluster(t)
	deleteNamespace(t, c, "works")
	kubectl(t, c, "create", "namespace", "works")
	kubectl(t, c, "-n", "works", "create", "configmap", "greeting", "--from-literal=say=hello")
	if got := kubectl(t, c, "-n", "works", "get", "configmap", "greeting", "-o", "jsonpath={.data.say}"); got != "hello" {
		t.Errorf("the ConfigMap says %q", got)
	}
	// Controllers make it, so it shows that they work.
	within(t, 30*time.Second, func() error {
		_, err := c.Kubectl("-n", "works", "get", "serviceaccount", "default")
		return err
	})
	podsBind(t, s, c)
	tokenAuthenticates(t, c)
	secretsAreCiphertext(t, c)
	aggregated(t, c)
}

func deleteNamespace(t *testing.T, c *site.Cluster, name string) {
	t.Helper()
	kubectl(t, c, "delete", "namespace", name, "--ignore-not-found", "--timeout=60s")
}

// podsBind lets a Deployment become Pods on a node that has no kubelet: the
// test says in its place that the node is ready.
func podsBind(t *testing.T, s *row, c *site.Cluster) {
	begin := time.Now()
	apply(t, c, `{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker"}}`)
	status := `{"status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
		"conditions": [{"type": "Ready", "status": "True", "reason": "Test", "lastHeartbeatTime": "%[1]s", "lastTransitionTime": "%[1]s"}]}}`
	kubectl(t, c, "patch", "node", "worker", "--subresource=status", "--type=merge", "-p", fmt.Sprintf(status, time.Now().UTC().Format(time.RFC3339)))
	kubectl(t, c, "-n", "works", "create", "deployment", "app", "--image=registry.invalid/app", "--replicas=2")
	within(t, 45*time.Second, func() error {
		nodes, err := c.Kubectl("-n", "works", "get", "pods", "-l", "app=app", "-o", "jsonpath={.items[*].spec.nodeName}")
		if nodes != "worker worker" {
			return fmt.Errorf("the pods' nodes are %q %w", nodes, err)
		}
		return nil
	})
	s.figure(t, "Deployment to bound Pods", time.Since(begin))
	if sets := kubectl(t, c, "-n", "works", "get", "replicasets", "-o", "jsonpath={.items[*].spec.replicas}"); sets != "2" {
		t.Errorf("the ReplicaSet wants %q", sets)
	}
	// allocate-node-cidrs: the node has its share of the pods' range.
	if cidr := kubectl(t, c, "get", "node", "worker", "-o", "jsonpath={.spec.podCIDR}"); !strings.HasPrefix(cidr, "10.38.") {
		t.Errorf("the node's pod range is %q", cidr)
	}
	kubectl(t, c, "delete", "node", "worker")
}

// apply writes an object to a file and applies it.
func apply(t *testing.T, c *site.Cluster, object string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "object.json")
	must(t, os.WriteFile(file, []byte(object), 0o600))
	kubectl(t, c, "apply", "-f", file)
}

// tokenAuthenticates asks the API server whom it takes the token for.
func tokenAuthenticates(t *testing.T, c *site.Cluster) {
	token := kubectl(t, c, "-n", "works", "create", "token", "default")
	credentials, err := site.ReadKubeconfig(c.AdminConfig())
	must(t, err)
	credentials.TLS.Certificates = nil
	body := []byte(`{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}`)
	request, err := http.NewRequest(http.MethodPost, credentials.Server+"/apis/authentication.k8s.io/v1/selfsubjectreviews", bytes.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: credentials.TLS}}).Do(request)
	must(t, err)
	defer response.Body.Close()
	var review struct {
		Status struct{ UserInfo struct{ Username string } }
	}
	must(t, json.NewDecoder(response.Body).Decode(&review))
	if got := review.Status.UserInfo.Username; got != "system:serviceaccount:works:default" {
		t.Errorf("the token is taken for %q", got)
	}
}

// secretsAreCiphertext looks at etcd itself.
func secretsAreCiphertext(t *testing.T, c *site.Cluster) {
	kubectl(t, c, "-n", "works", "create", "secret", "generic", "password", "--from-literal=password=open-sesame")
	stored, err := c.Etcdctl("get", "/registry/secrets/works/password", "--print-value-only")
	must(t, err)
	if !strings.HasPrefix(stored, "k8s:enc:secretbox:v1:key1:") || strings.Contains(stored, "open-sesame") {
		t.Errorf("etcd holds the Secret as %.60q…", stored)
	}
	if got := kubectl(t, c, "-n", "works", "get", "secret", "password", "-o", "jsonpath={.data.password}"); got != "b3Blbi1zZXNhbWU=" {
		t.Errorf("the Secret reads %q", got)
	}
}

// aggregated registers an API that the operator's workstation serves, and looks at
// who asks there: the API server with the front proxy's certificate, in the
// name of the user.
func aggregated(t *testing.T, c *site.Cluster) {
	authority, err := os.ReadFile(filepath.Join(c.Dir, "pki/authorities/front-proxy/ca.pem"))
	must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	users := make(chan string, 100)
	listener, err := net.Listen("tcp", site.Operator+":9443")
	must(t, err)
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/apis/e2e.invalid/v1/who" {
				users <- r.TLS.PeerCertificates[0].Subject.CommonName + " for " + r.Header.Get("X-Remote-User")
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "e2e.invalid/v1", "resources": []}`)
		}),
	}
	go server.ServeTLS(listener, "", "")
	defer server.Shutdown(context.Background())

	apply(t, c, `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "desk", "namespace": "works"}, "spec": {"ports": [{"port": 443, "targetPort": 9443}]}}`)
	apply(t, c, `{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "desk", "namespace": "works", "labels": {"kubernetes.io/service-name": "desk"}},
		"addressType": "IPv4", "endpoints": [{"addresses": ["`+site.Operator+`"], "conditions": {"ready": true}}], "ports": [{"port": 9443, "name": "", "protocol": "TCP"}]}`)
	apply(t, c, `{"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.e2e.invalid"},
		"spec": {"group": "e2e.invalid", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true,
		"service": {"name": "desk", "namespace": "works", "port": 443}}}`)
	defer kubectl(t, c, "delete", "apiservice", "v1.e2e.invalid")
	within(t, 30*time.Second, func() error {
		_, err := c.Kubectl("get", "--raw", "/apis/e2e.invalid/v1/who")
		return err
	})
	if got := <-users; got != "front-proxy-client for admin" {
		t.Errorf("the aggregated API is asked by %s", got)
	}
}
