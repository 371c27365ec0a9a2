package profiles

import "testing"

func TestSkew(t *testing.T) {
	for _, test := range []struct{ product, from, to, emulated, want string }{
		{Kubernetes, "1.36.3", "1.37.2", "", ""},
		{Kubernetes, "1.37.2", "1.37.9", "", ""},
		{Kubernetes, "1.37.2", "1.37.0", "", ""}, // a patch release may be taken back
		{Kubernetes, "1.35.4", "1.37.2", "", "Kubernetes leaps from 1.35.4 to 1.37.2: upstream supports one minor release at a time"},
		{Kubernetes, "1.37.2", "1.36.3", "", "Kubernetes goes back from 1.37.2 to 1.36.3: upstream does not support that with data of the newer release"},
		{Kubernetes, "1.37.2", "2.0.0", "", "Kubernetes leaps from 1.37.2 to 2.0.0: upstream supports one minor release at a time"},
		{"kube-apiserver", "1.35.4", "1.37.2", "", "kube-apiserver leaps from 1.35.4 to 1.37.2: upstream supports one minor release at a time"},
		{Etcd, "3.6.16", "3.7.3", "", ""},
		{Etcd, "3.6.11", "3.7.0", "", ""},
		{Etcd, "3.6.10", "3.6.16", "", ""},
		{Etcd, "3.6.10", "3.7.3", "", "etcd 3.6.10 does not get along with 3.7.3: only 3.6.11 and later of its line do (etcd.io, Upgrade etcd from v3.6 to v3.7)"},
		{Etcd, "3.5.26", "3.7.3", "", "etcd leaps from 3.5.26 to 3.7.3: upstream supports one minor release at a time"},
		{Etcd, "3.7.3", "3.6.16", "", ""},
		{Etcd, "3.7.3", "3.6.10", "", "etcd goes back from 3.7.3 to 3.6.10: upstream does not support that with data of the newer release"},
		{Etcd, "3.6.16", "3.5.26", "", "etcd goes back from 3.6.16 to 3.5.26: upstream does not support that with data of the newer release"},
		{Etcd, "3.6.16", "3.7.3", "1.36", ""},
		{Kubernetes, "1.37.2", "1.36.3", "1.36", ""},
		{"kube-scheduler", "1.37.2", "1.36.3", "1.36", ""},
		{Kubernetes, "1.37.2", "1.37.3", "1.36", ""},
		{Kubernetes, "1.37.2", "1.35.4", "1.36", "Kubernetes goes back from 1.37.2 to 1.35.4: upstream does not support that with data of the newer release"},
		{Kubernetes, "1.37.2", "1.38.0", "1.36", "Kubernetes leaps from 1.36, which 1.37.2 behaves like, to 1.38.0: upstream supports one minor release at a time"},
		{"haproxy", "2.6.0", "3.2.0", "", ""},
	} {
		from, _ := ParseVersion(test.from)
		to, _ := ParseVersion(test.to)
		if got := Skew(test.product, from, to, test.emulated); got != test.want {
			t.Errorf("%s from %s to %s: got %q, want %q", test.product, from, to, got, test.want)
		}
	}
}

func TestEmulation(t *testing.T) {
	for _, test := range []struct{ from, was, is, refused string }{
		{"1.36.3", "", "1.36", ""}, // with the next minor release
		{"1.37.2", "1.36", "", ""},
		{"1.37.2", "1.36", "1.36", ""},
		{"1.37.2", "", "", ""},
		{"1.37.2", "", "1.36", "Kubernetes behaves like 1.37 so far, and cannot like 1.36 again: upstream does not support that with data of the newer release"},
		{"1.37.2", "1.36", "1.35", "Kubernetes behaves like 1.36 so far, and cannot like 1.35 again: upstream does not support that with data of the newer release"},
		{"1.10.2", "", "1.9", "Kubernetes behaves like 1.10 so far, and cannot like 1.9 again: upstream does not support that with data of the newer release"},
	} {
		from, _ := ParseVersion(test.from)
		if got := Emulation(from, test.was, test.is); got != test.refused {
			t.Errorf("%s from %q to %q: got %q, want %q", test.from, test.was, test.is, got, test.refused)
		}
	}
}
