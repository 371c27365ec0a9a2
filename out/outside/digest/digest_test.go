package digest

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sum512(text string) string { return fmt.Sprintf("%x", sha512.Sum512([]byte(text))) }
func sum256(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// quick is a client that does not wait for long.
func quick() *Client {
	c := NewClient("hagen/test", func(string) {})
	c.Pause, c.Quiet = time.Millisecond, 200*time.Millisecond
	return c
}

// TestFromServers asks a server in every way in which digests are published.
func TestFromServers(t *testing.T) {
	files := map[string]string{
		"/k/kube": "kube", "/k/kube.sha512": sum512("kube"),
		"/n/kube": "kube", "/n/kube.sha512": sum512("kube") + "  kube\n",
		"/e/etcd.tgz": "etcd", "/e/SHA256SUMS": sum256("other") + "  other.tgz\n" + sum256("etcd") + "  etcd.tgz\n",
		"/b/etcd.tgz": "tampered", "/b/SHA256SUMS": sum256("etcd") + "  etcd.tgz\n",
		"/a/haproxy":  "alone",
		"/l/etcd.tgz": "etcd", "/l/SHA256SUMS": sum256("other") + "  other.tgz\n",
		"/h/kube": "kube", "/h/kube.sha512": "<html>not found</html>",
		"/s/kube": "kube", "/s/kube.sha256": strings.ToUpper(sum256("kube")),
	}
	failures := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, there := files[r.URL.Path]
		switch {
		case r.UserAgent() != "hagen/test":
			t.Errorf("User-Agent %s", r.UserAgent())
		case strings.HasPrefix(r.URL.Path, "/flaky/") && failures < 2:
			failures++
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.HasPrefix(r.URL.Path, "/flaky/"):
			io.WriteString(w, sum512("flaky"))
		case strings.HasPrefix(r.URL.Path, "/broken/"):
			w.WriteHeader(http.StatusInternalServerError)
		case strings.HasPrefix(r.URL.Path, "/denied/"):
			w.WriteHeader(http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, "/cut/") && last(r) == "kube":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "short")
		case strings.HasPrefix(r.URL.Path, "/slow/") && last(r) == "kube":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "slow")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case there:
			io.WriteString(w, text)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	sums := []string{".sha512", ".sha256", "/SHA256SUMS"}
	for _, test := range []struct{ place, want, note, fault string }{
		{"/k/kube", sum512("kube"), "published at", ""},
		{"/n/kube", sum512("kube"), "published at", ""},
		{"/e/etcd.tgz", sum512("etcd"), "with the SHA-256 of", ""},
		{"/s/kube", sum512("kube"), "with the SHA-256 of", ""},
		{"/b/etcd.tgz", "", "", "/b/etcd.tgz has SHA-256 " + sum256("tampered")},
		{"/a/haproxy", sum512("alone"), "not verified", ""},
		{"/l/etcd.tgz", sum512("etcd"), "not verified", ""},
		{"/flaky/kube", sum512("flaky"), "published at", ""},
		{"/none/kube", "", "", "/none/kube: the server answers 404 Not Found"},
		{"/denied/kube", "", "", "/denied/kube: the server answers 403 Forbidden"},
		{"/broken/kube", "", "", "/broken/kube.sha512: the server answers 500 Internal Server Error"},
		{"/h/kube", "", "", "/h/kube.sha512: line 1 is not a line of a checksum file"},
		{"/cut/kube", "", "", "/cut/kube: the connection broke"},
		{"/slow/kube", "", "", "/slow/kube: the server stopped sending"},
	} {
		found, err := quick().FromServers(context.Background(), []File{{Name: "it", Path: "x" + test.place, URLs: []string{server.URL + test.place}, Sums: sums}})
		switch {
		case test.fault != "":
			if err == nil || !strings.Contains(err.Error(), test.fault) || !strings.HasPrefix(err.Error(), "it: ") {
				t.Errorf("%s: %v", test.place, err)
			}
		case err != nil || found[0].SHA512 != test.want || !strings.Contains(found[0].Note, test.note):
			t.Errorf("%s: %+v %v", test.place, found, err)
		}
	}
	// The second place is asked when the first does not have the file, and all
	// faults come together.
	found, err := quick().FromServers(context.Background(), []File{
		{Name: "a", Path: "upstream/kube", URLs: []string{server.URL + "/m/upstream/kube", server.URL + "/k/kube"}, Sums: sums},
		{Name: "b", Path: "upstream/kube", URLs: []string{server.URL + "/none/kube"}, Sums: sums},
		{Name: "c", Path: "upstream/kube", URLs: []string{server.URL + "/none/kube"}, Sums: sums},
	})
	if err == nil || strings.Count(err.Error(), "\n") != 1 || found[0].File != "kube" || found[0].SHA512 != sum512("kube") {
		t.Errorf("%+v %v", found, err)
	}
}

func last(r *http.Request) string { return filepath.Base(r.URL.Path) }

// TestUnreachable: what keeps a server from being asked is said in words.
func TestUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	strange := httptest.NewTLSServer(http.NotFoundHandler())
	defer strange.Close()
	strange.Config.ErrorLog = nil
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	for _, test := range []struct {
		ctx       context.Context
		url, want string
	}{
		{context.Background(), closed.URL, "the server refuses the connection"},
		{context.Background(), "http://nowhere.invalid", "DNS"},
		{context.Background(), strange.URL, "the authority of the server's certificate is unknown here"},
		{ended, closed.URL, "interrupted"},
		{late, closed.URL, "took too long"},
	} {
		_, err := quick().FromServers(test.ctx, []File{{Name: "it", Path: "x/y", URLs: []string{test.url + "/x/y"}}})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.url, err)
		}
	}
}

// TestProxy: the environment's proxy is asked.
func TestProxy(t *testing.T) {
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		io.WriteString(w, sum512("x"))
	}))
	defer proxy.Close()
	c := quick()
	transport := c.HTTP.Transport.(*http.Transport)
	if transport.Proxy == nil {
		t.Fatal("the environment is not asked for a proxy")
	}
	to, _ := url.Parse(proxy.URL)
	transport.Proxy = http.ProxyURL(to) // the environment is read once, by whoever comes first
	_, err := c.FromServers(context.Background(), []File{{Name: "it", Path: "x", URLs: []string{"http://upstream.invalid/x"}, Sums: []string{".sha512"}}})
	if err != nil || asked != "http://upstream.invalid/x.sha512" {
		t.Errorf("%s %v", asked, err)
	}
}

// TestProtocol: a server that knows HTTP/2 is asked in HTTP/1.
func TestProtocol(t *testing.T) {
	var asked string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Proto
		io.WriteString(w, sum512("x"))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	c := quick()
	c.HTTP.Transport.(*http.Transport).TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	_, err := c.FromServers(context.Background(), []File{{Name: "it", Path: "x", URLs: []string{server.URL + "/x"}, Sums: []string{".sha512"}}})
	if err != nil || asked != "HTTP/1.1" {
		t.Errorf("%s %v", asked, err)
	}
}

// TestFromSums: with SHA-256 alone the file itself comes from beside the list, or
// from its server.
func TestFromSums(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "etcd") }))
	defer server.Close()
	list := filepath.Join(t.TempDir(), "SHA256SUMS")
	file := File{Name: "etcd", Path: "github.com/etcd.tgz", URLs: []string{server.URL + "/etcd.tgz"}}
	for _, test := range []struct{ list, want, fault string }{
		{sum256("etcd") + "  ./etcd.tgz\n", sum512("etcd"), ""},
		{"# a comment\n\nSHA512 (a/etcd.tgz) = " + sum512("etcd") + "\n", sum512("etcd"), ""},
		{sum256("other") + " *etcd.tgz\n", "", "has SHA-256 " + sum256("etcd")},
		{sum256("other") + "  etcd.tar\n", "", "etcd: there is no etcd.tgz"},
		{sum256("a") + "  etcd.tgz\n" + sum256("b") + "  etcd.tgz\n", "", "line 2 gives etcd.tgz another digest"},
		{"", "", "it holds no digest"},
		{"abc  etcd.tgz\n", "", "line 1 is not a line of a checksum file"},
	} {
		if err := os.WriteFile(list, []byte(test.list), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := quick().FromSums(context.Background(), list, []File{file})
		if test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) || test.fault == "" && (err != nil || found[0].SHA512 != test.want) {
			t.Errorf("%q: %+v %v", test.list, found, err)
		}
	}
}

// TestChoose: the path that is most like upstream's.
func TestChoose(t *testing.T) {
	f := File{Name: "kube", Path: "dl.k8s.io/release/v1.37.2/bin/linux/amd64/kube"}
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{"kube"}, "kube"},
		{[]string{"other", "a/kube"}, "a/kube"},
		{[]string{"v1.36.3/kube", "v1.37.2/kube"}, "v1.37.2/kube"},
		{[]string{"v1.37.2/arm64/kube", "v1.37.2/amd64/kube", "v1.36.3/amd64/kube"}, "v1.37.2/amd64/kube"},
		{[]string{"a/kube", "b/kube"}, ""},
		{[]string{"kube.sha512", "kubelet"}, ""},
		{nil, ""},
	} {
		for range 2 {
			got, err := choose(f, test.paths)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("%v: %s %v", test.paths, got, err)
			}
			slices.Reverse(test.paths)
		}
	}
}

// TestChooseByURL: files that people name otherwise than upstream does are recognized by
// their URLs.
func TestChooseByURL(t *testing.T) {
	f := File{Name: "haproxy", Path: "haproxy", URLs: []string{"http://10.0.0.1/m/a/bundle.tgz"}}
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{"a/bundle.tgz", "b/bundle.tgz"}, "a/bundle.tgz"},
		{[]string{"x/a/bundle.tgz", "x/b/bundle.tgz"}, "x/a/bundle.tgz"},
		{[]string{"a/haproxy", "bundle.tgz"}, "bundle.tgz"},
		{[]string{"x/haproxy"}, "x/haproxy"},
		{[]string{"x/bundle.tgz", "y/bundle.tgz"}, ""},
	} {
		for range 2 {
			got, err := choose(f, test.paths)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("%v: %s %v", test.paths, got, err)
			}
			slices.Reverse(test.paths)
		}
	}
	if _, err := choose(f, []string{"other"}); err == nil || err.Error() != "haproxy: there is no bundle.tgz" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sum512("a") + "  a\n" + sum256("b") + " *b\n")
	f.Add("SHA256 (a) = " + sum256("a") + "\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		digests, err := parse(text)
		for _, d := range digests {
			if len(d) != length256 && len(d) != length512 || strings.Trim(d, "0123456789abcdef") != "" {
				t.Errorf("%q", d)
			}
		}
		if (err == nil) != (len(digests) > 0) {
			t.Error(err)
		}
	})
}
