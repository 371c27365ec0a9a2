package encode

import (
	"cmp"
	"errors"
	"slices"

	"hagen/gen/network"
	"hagen/gen/node"
	"hagen/profiles"
)

// Encoding is a node in one format.
type Encoding struct {
	Format string
	Text   []byte
	Back   *node.Node // the text, read by the parser that the machine uses; nil if no machine reads it, or it does not describe a node
}

// NetworkConfig returns the network-config that cloud-init reads before user-data: the
// interfaces that the machine's own files configure, in version 2 of its format. nil means
// none, and so DHCP.
func NetworkConfig(n node.Node) []byte { return network.Config(network.Interfaces(n)) }

// All writes a node in each of the formats, in the order of profiles.Formats.
// meta-data depends on the texts beside it. Prove checks that Butane and Ignition agree.
func All(cluster string, n node.Node, system profiles.OS, formats []string) ([]Encoding, error) {
	wanted := func(format string) bool { return slices.Contains(formats, format) }
	var out []Encoding
	if wanted(profiles.Butane) || wanted(profiles.Ignition) {
		butane := Butane(cluster, n, system)
		ignition, back, err := Ignition(n, system)
		if err != nil {
			_, named := Translate(butane, system) // Butane names the line
			return nil, cmp.Or(named, err)
		}
		out = append(out, Encoding{profiles.Butane, butane.Text, nil}, Encoding{profiles.Ignition, ignition, &back})
	}
	if wanted(profiles.UserData) || wanted(profiles.MetaData) || wanted(profiles.NetworkConfig) {
		if problem := disksFor(n); problem != "" {
			return nil, errors.New(problem)
		}
		if slices.ContainsFunc(n.Files, func(f node.File) bool { return f.Source.URL != "" }) {
			return nil, errors.New("cloud-init cannot verify a digest, so it must not fetch files")
		}
		user := UserData(cluster, n, system).Text
		back, err := ReadUserData(user)
		if err != nil {
			return nil, err
		}
		beside := NetworkConfig(n)
		out = append(out, Encoding{profiles.UserData, user, &back}, Encoding{profiles.MetaData, MetaData(n.Name, user, beside), nil})
		if beside != nil {
			out = append(out, Encoding{profiles.NetworkConfig, beside, nil})
		}
	}
	return slices.DeleteFunc(out, func(e Encoding) bool { return !wanted(e.Format) }), nil
}
