package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	"hagen/gen/spelling"
)

// meant guesses what an unknown field was meant to be: the remedy, and the
// field of this mapping if it is one.
func meant(word string, schema reflect.Type) (remedy, field string) {
	here := keys(schema)
	plain := visible(word)
	if name, known := elsewhere[plain]; known && slices.Contains(here, name) {
		return "hagen calls it " + name, name
	}
	if i := slices.IndexFunc(here, func(k string) bool { return strings.EqualFold(k, plain) }); i >= 0 {
		return "write " + here[i], here[i]
	}
	if places := homes()[plain]; len(places) > 0 {
		return fmt.Sprintf("%s belongs to %s", plain, strings.Join(places[:min(len(places), mostHomes)], " or ")), ""
	}
	if near := nearest(plain, here); near != "" {
		return "did you mean " + near + "?", near
	}
	if name, known := elsewhere[plain]; known {
		return "hagen calls it " + strings.TrimPrefix(homes()[name][0]+"."+name, "."), ""
	}
	return fieldsOf(schema), ""
}

// mostHomes are as many places as help somebody.
const mostHomes = 3

// visible is a word without the characters that nobody sees.
func visible(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != ' ' {
			return r
		}
		return -1
	}, word)
}

// elsewhere are names that other tools have for hagen's fields: kubeadm,
// Talos, kubespray, furyctl.
var elsewhere = map[string]string{
	"controlPlaneEndpoint": "endpoint", "clusterName": "name", "hostname": "name",
	"controlPlane": "masters", "controlPlanes": "masters", "controlPlaneNodes": "masters", "nodes": "masters", "hosts": "masters",
	"address": "addresses", "ip": "addresses", "ips": "addresses",
	"podSubnet": "podCIDRs", "podSubnets": "podCIDRs", "podCidr": "podCIDRs", "clusterCIDR": "podCIDRs",
	"serviceSubnet": "serviceCIDRs", "serviceSubnets": "serviceCIDRs", "svcCidr": "serviceCIDRs",
	"dnsDomain": "clusterDomain", "dnsZone": "clusterDomain", "certSANs": "extraSANs", "bindPort": "port",
	"version": "kubernetesVersion", "loadbalancers": "loadBalancers", "keyAlgorithm": "algorithm",
	"vip": "virtualIP", "virtualAddress": "virtualIP", "virtual_router_id": "virtualRouterID", "maxconn": "maxConnections",
	"certificateValidityPeriod": "expiry", "caCertificateValidityPeriod": "caExpiry",
	"sshAuthorizedKeys": "sshKeys", "ssh_authorized_keys": "sshKeys", "keys": "sshKeys",
}

var fileSchema = reflect.TypeFor[File]()

// homes are the paths of the mappings that have a field of a name, in the
// schema's order.
var homes = sync.OnceValue(func() map[string][]string {
	found := map[string][]string{}
	var walk func(schema reflect.Type, path string)
	walk = func(schema reflect.Type, path string) {
		for i := 1; i < schema.NumField(); i++ {
			field := schema.Field(i)
			name, _ := tag(field)
			found[name] = append(found[name], path)
			inner, innerPath := field.Type, join(path, name)
			if items, list := inner.FieldByName("Items"); list {
				inner, innerPath = items.Type.Elem(), innerPath+"[]"
			}
			if inner.Field(0).Type == reflect.TypeFor[At]() {
				walk(inner, innerPath)
			}
		}
	}
	walk(fileSchema, "")
	return found
})

// nearest gives the candidate that a misspelt word most likely meant, or ""
// when none is close: at most two edits away, one in words of up to four
// letters.
func nearest(word string, candidates []string) string {
	most := 2
	if len(word) <= 4 {
		most = 1
	}
	return spelling.Nearest(word, candidates, most, 2)
}
