package e2e

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hagen/e2e/site"
)

// TestWithout: a master is off and does not come back. Without it the key that signs service accounts'
// tokens, the key of Secrets and the authority of etcd, which restarts for it, are replaced to the end while
// a client writes. Then it is replaced, and its new document has nothing of the former keys.
func TestWithout(t *testing.T) {
	s := scenario(t, "25 keys rotated while kubem01 is off")
	c := cluster(t)
	space := freshNamespace(t, c, "without")
	kubectl(t, c, "-n", space, "create", "secret", "generic", "before", "--from-literal=word=before")
	former, old := encryptedAs(t, c, space, "before"), token(t, c, space)
	done := writer(t, c)
	gone := c.Masters[1]
	must(t, gone.PowerOff())
	leave(t, c, gone)

	begin := time.Now()
	without := func(phases ...string) {
		t.Helper()
		for _, phase := range phases {
			if strings.Contains(phase, "--delivered") {
				phase += " --without " + gone.Name
			}
			_, err := c.Workstation("hagen pki rotate " + phase)
			must(t, err)
		}
		delivered(t, c, "--without", gone.Name)
	}
	without("service-account --to trust", "secrets --to trust", "etcd --to trust")
	without("service-account --to issue --delivered", "secrets --to issue --delivered", "etcd --to issue --delivered")
	_, err := c.Workstation("export KUBECONFIG=rendered/kubernetes/admin.kubeconfig; kubectl get secrets --all-namespaces -o json | kubectl replace -f -")
	must(t, err)
	without("service-account --to retire --delivered --waited", "secrets --to retire --delivered --rewritten", "etcd --to retire --delivered")
	s.figure(t, "three phases", time.Since(begin))
	out, err := c.Etcdctl("get", "/registry/secrets/", "--prefix")
	must(t, err)
	if strings.Contains(out, former+":") {
		t.Errorf("etcd still has Secrets that are encrypted as %s", former)
	}

	_, err = c.Workstation("hagen render --replace " + gone.Name)
	must(t, err)
	s.figure(t, "replaced, power-on to healthy", follow(t, c, gone))
	done(s)
	next := token(t, c, space)
	accepted(t, c, next)
	for _, m := range c.Masters {
		if code, err := shown(c, m, old); err != nil || code != http.StatusUnauthorized {
			t.Errorf("%s: the retired key's token: %d %v", m.Name, code, err)
		}
		text := kubectl(t, c, "--server=https://"+apiAddress(c, m), "--tls-server-name="+m.Name, "-n", space, "get", "secret", "before", "-o", "jsonpath={.data.word}")
		if text == "" {
			t.Errorf("%s: the Secret of before cannot be read", m.Name)
		}
	}
}

// leave takes a master that is off out of etcd, with what the scripts of a plan without it say when
// they find it there.
func leave(t *testing.T, c *site.Cluster, gone *site.Host) {
	t.Helper()
	must(t, c.Change("serviceNodePortRange: 30000-32701"))
	_, err := c.Workstation("hagen plan --delta left --without " + gone.Name + " rendered/kubernetes .")
	must(t, err)
	_, err = c.Workstation("sh left/deliver.sh", runsOn(c))
	if err == nil {
		t.Fatal("the plan goes on although etcd has the member")
	}
	found := regexp.MustCompile(gone.Name + ` is still a member: etcdctl member remove ([0-9a-f]+)`).FindStringSubmatch(err.Error())
	if found == nil {
		t.Fatalf("it is not said how the member is removed: %v", err)
	}
	within(t, 30*time.Second, func() error { _, err := c.Etcdctl("member", "remove", found[1]); return err })
	_, err = c.Workstation("rm -r left")
	must(t, err)
	must(t, c.Change())
}

// runsOn lets scripts reach a host as they would by SSH, through a shell that reads its standard input.
func runsOn(c *site.Cluster) string {
	return `HAGEN_RUN=nsenter -t "$(cat "` + filepath.ToSlash(c.Dir) + `/$HOST/pid")" -m -u -i -n -p -C -- sh -s`
}
