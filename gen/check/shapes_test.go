package check_test

import (
	"strings"
	"testing"

	"hagen/gen/check"
)

// TestShapes: clusters that no golden has are sound, too, without even a
// warning.
func TestShapes(t *testing.T) {
	const head = "apiVersion: hagen/v1alpha1\nkind: Cluster\nmetadata: {name: c}\nspec:\n  serviceCIDRs: [10.32.0.0/16]\n  podCIDRs: [10.38.0.0/16]\n"
	const masters = "  masters: [{name: m0, addresses: [192.0.2.10]}, {name: m1, addresses: [192.0.2.11]}, {name: m2, addresses: [192.0.2.12]}]\n"
	const balancers = "  loadBalancers: [{name: l0, addresses: [192.0.2.2]}, {name: l1, addresses: [192.0.2.3], os: generic}]\n"
	for _, shape := range []string{
		"  endpoint: m0:6443\n  masters: [{name: m0, addresses: [192.0.2.10]}]\n",
		"  endpoint: 192.0.2.10:6443\n  dns: external\n  masters: [{name: m0, addresses: [192.0.2.10]}]\n",
		"  endpoint: l0:6443\n  dns: external\n" + masters + balancers,
		"  endpoint: 203.0.113.7:6443\n  loadBalancer: {publicIP: 203.0.113.7}\n" + masters + balancers,
		"  endpoint: api.example.com:6443\n  loadBalancer: {publicIP: [203.0.113.7, '2001:db8::7']}\n" + masters + balancers,
		"  endpoint: api.example.com:443\n  dns: external\n" + masters + balancers,
		"  endpoint: api.example.com:443\n" + masters + balancers,
		"  endpoint: api.example.com:443\n  loadBalancer: {virtualIP: 192.0.2.5}\n  dns: external\n" + masters + balancers,
		"  endpoint: api.example.com:6443\n  loadBalancer: {mode: colocated}\n  dns: external\n" + masters,
		"  endpoint: 192.0.2.5:443\n  loadBalancer: {mode: colocated, virtualIP: 192.0.2.5, metrics: true}\n" + masters,
		"  endpoint: api.example.com:443\n  loadBalancer: {mode: external}\n" + masters,
		"  endpoint: api.example.com:443\n  loadBalancer: {mode: external}\n  dns: external\n" + masters,
		"  endpoint: 203.0.113.7:443\n  loadBalancer: {mode: external}\n  apiServer: {port: 443}\n" + masters,
		"  endpoint: 192.0.2.5:443\n  loadBalancer: {mode: colocated, virtualIP: 192.0.2.5}\n  network: {use: {haproxy: [192.0.2.0/24]}}\n" + masters,
		"  profile: classic\n  endpoint: api.example.com:443\n  loadBalancer: {mode: external}\n" + masters,
		"  profile: classic\n  endpoint: l0:443\n  dns: external\n" + masters + balancers[:strings.Index(balancers, ", os:")] + "}]\n",
		"  profile: classic\n  endpoint: m1:6443\n" + masters,
		"  endpoint: m1:6443\n" + masters,
		"  os: generic\n  endpoint: l0:6443\n  kubernetesVersion: 1.35.4\n  users: [{name: ops, sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHDWHHBgOpAvVyqTzUDRFR0Kx1kAXsV3BvZb2KDzRpzP x]}]\n" + masters + balancers,
	} {
		for _, f := range check.Run(freshOf(t, head+shape).input()).Findings {
			t.Errorf("%s\n%s %s: %s:%d %s", shape, f.Severity, f.Rule, f, f.Line, f.Text)
		}
	}
}
