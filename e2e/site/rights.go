package site

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// BreakGlass is the path of the kubeconfig that RBAC does not bind; it is made when it is
// asked for first.
func (c *Cluster) BreakGlass() (string, error) {
	path := filepath.Join(c.Dir, "rendered/kubernetes/kubeconfigs/break-glass.kubeconfig")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	_, err := Run("env", "-C", c.Dir, c.Parts.Hagen, "kubeconfig", "--break-glass")
	return path, err
}

// Rights is the path of the manifest of rights, as rendered.
func (c *Cluster) Rights() string { return filepath.Join(c.Dir, "rendered/kubernetes/rbac.yaml") }

// Bypass runs kubectl as break-glass.
func (c *Cluster) Bypass(args ...string) (string, error) {
	path, err := c.BreakGlass()
	if err != nil {
		return "", err
	}
	return Run(filepath.Join(c.Parts.Binaries, "kubectl"), append([]string{"--kubeconfig=" + path, "--request-timeout=20s"}, args...)...)
}

// bind gives the certificates of a new cluster their rights, with the first kubectl of an
// operator: the administrator is refused before.
func (c *Cluster) bind(operator *Client) error {
	status, text, err := operator.Do(context.Background(), http.MethodGet, "/api/v1/namespaces/kube-system", nil)
	if err != nil || status == http.StatusOK {
		return err
	}
	if status != http.StatusForbidden {
		return fmt.Errorf("the administrator is answered %d %s", status, text)
	}
	_, err = c.Bypass("apply", "-f", c.Rights())
	return err
}
