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

// suggestField guesses which field an unknown one was meant to be. It returns the remedy,
// and the field's name if it belongs to this mapping.
func suggestField(word string, schema reflect.Type) (remedy, field string) {
	here := keys(schema)
	plain := visible(word)
	if name, known := otherNames[plain]; known && slices.Contains(here, name) {
		return "hagen calls it " + name, name
	}
	if i := slices.IndexFunc(here, func(k string) bool { return strings.EqualFold(k, plain) }); i >= 0 {
		return "write " + here[i], here[i]
	}
	if places := holders()[plain]; len(places) > 0 {
		return fmt.Sprintf("%s belongs to %s", plain, strings.Join(places[:min(len(places), mostHolders)], " or ")), ""
	}
	if near := nearest(plain, here); near != "" {
		return "did you mean " + near + "?", near
	}
	if name, known := otherNames[plain]; known {
		return "hagen calls it " + strings.TrimPrefix(holders()[name][0]+"."+name, "."), ""
	}
	return fieldsOf(schema), ""
}

// mostHolders is how many places a remedy names.
const mostHolders = 3

// visible returns a word without its invisible characters.
func visible(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != ' ' {
			return r
		}
		return -1
	}, word)
}

// otherNames maps names in other tools to hagen's fields: kubeadm, Talos,
// kubespray, furyctl.
var otherNames = map[string]string{
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

// holders maps the name of a field to the paths of the mappings that have it, in the
// order of the schema.
var holders = sync.OnceValue(func() map[string][]string {
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

// nearest returns the candidate closest to a misspelt word, or "" when none is
// close: at most two edits away, one in words of up to four letters.
func nearest(word string, candidates []string) string {
	most := 2
	if len(word) <= 4 {
		most = 1
	}
	return spelling.Nearest(word, candidates, most, 2)
}
