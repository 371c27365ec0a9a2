package show

import (
	"testing"

	"hagen/out/review/diff"
)

func TestMeaning(t *testing.T) {
	const (
		etcdServer = "/etc/etcd/pki/etcd-server.pem"
		apiserver  = "/etc/kubernetes/pki/apiserver.pem"
	)
	try(t, []trial{
		// Certificates by meaning.
		{what: "SAN and key", edit: []func(*diff.Side){replace("kubem", apiserver, "localhost,", "localhost, api.example.com,"), replace("kubem", apiserver, "certificate, SHA-256 ", "certificate, SHA-256 f"),
			replace("kubem", apiserver, "public key ECDSA, SHA-256 ", "public key ECDSA, SHA-256 f"), replace("kubem", "/etc/kubernetes/pki/apiserver-key.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{masters + "  ~ /etc/kubernetes/pki/apiserver.pem and /etc/kubernetes/pki/apiserver-key.pem\n      name added: api.example.com\n      key replaced\n      → kube-apiserver picks it up by itself: the file is watched\n"},
			not:  []string{"SHA", "Order"}},
		{what: "expiry, address and usage of etcd", edit: []func(*diff.Side){replace("kubem00", etcdServer, "SHA-256 9", "SHA-256 8"), replace("kubem00", etcdServer, "2119-12-08", "2119-12-09"), replace("kubem00", etcdServer, "10.10.10.80", "10.10.10.90"), replace("kubem00", etcdServer, ", client", "")},
			want: []string{"address added: 10.10.10.90", "address removed: 10.10.10.80", "usage removed: client", "expiry changed from 2119-12-08 to 2119-12-09", "→ etcd picks it up by itself: read at every TLS handshake"}},
		{what: "issued again", edit: []func(*diff.Side){replace("kubem00", etcdServer, "certificate, SHA-256 9", "certificate, SHA-256 8")}, want: []string{"certificate replaced: with the same fields"}},
		{what: "authority", edit: []func(*diff.Side){replace("kubem", "/etc/kubernetes/pki/ca.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"the authority's key replaced", "Beware\n  kubem00, kubem01, kubem02: an authority changes", "→ kube-controller-manager restarts: read when it starts", "→ kube-apiserver picks it up by itself", "→ kube-scheduler picks it up by itself"}},
		{what: "etcd's authority", edit: []func(*diff.Side){replace("kubem", "/etc/etcd/pki/ca.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"→ etcd restarts: read when it starts", "→ kube-apiserver restarts: read when it starts"}},
		{what: "client of the API server", edit: []func(*diff.Side){replace("kubem", "/var/lib/kube-scheduler/pki/scheduler.pem", "2119-", "2118-"), replace("kubem", "/var/lib/kube-scheduler/pki/scheduler.pem", "certificate, SHA-256 ", "certificate, SHA-256 f")},
			want: []string{"→ kube-scheduler picks it up by itself: client-go reads it again"}},
		{what: "an old release reads once", golden: "classic", edit: []func(*diff.Side){replace("kubem00", apiserver, "SHA-256 ", "SHA-256 f"), replace("kubem00", etcdServer, "SHA-256 ", "SHA-256 f"), replace("kubem00", "/var/lib/kube-scheduler/pki/scheduler.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"→ kube-apiserver restarts: read when it starts", "→ etcd picks it up by itself", "→ kube-scheduler restarts: read when it starts"}},
		{what: "release without rotation of authorities", golden: "release-1.35", edit: []func(*diff.Side){replace("kubem00", "/etc/kubernetes/pki/ca.pem", "SHA-256 ", "SHA-256 f")},
			want: []string{"→ kube-scheduler restarts: read when it starts"}},

		// Keys and secrets.
		{what: "service-account key", edit: []func(*diff.Side){replace("kubem", "/etc/kubernetes/pki/sa.key", "SHA-256 ", "SHA-256 f"), replace("kubem", "/etc/kubernetes/pki/sa.pub", "SHA-256 ", "SHA-256 f")},
			want: []string{"private key replaced", "public key replaced", "tokens that pods have are refused", "→ kube-controller-manager restarts", "→ kube-apiserver restarts"}},
		{what: "encryption key", edit: []func(*diff.Side){replace("kubem", "/etc/kubernetes/encryption.yaml", "SHA-256 c", "SHA-256 d")},
			want: []string{"  ~ /etc/kubernetes/encryption.yaml\n      secret replaced\n", "--encryption-provider-config-automatic-reload is not set", "cannot be read with the new one"}},
	})
}
