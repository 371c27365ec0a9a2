package control

import (
	"path"
	"slices"

	"hagen/pki"
)

// gives says what the keys of machines give to whoever else has them, by the last part of the item's name.
var gives = map[string]string{
	etcdStem:             "reads and writes all of etcd, and passes for its member",
	"etcd-client":        "reads and writes all of etcd",
	serverStem:           "passes for the API server, at all names that clients dial",
	kubeletClient:        "commands and logs in all containers, by the kubelets",
	frontProxyClient:     "is any user in any group for the API servers",
	"controller-manager": "what the controller manager may do: among that, it reads all Secrets",
	"scheduler":          "what the scheduler may do: it says which machine a pod runs on",
	"admin":              "what administrators may do",
	"ca":                 "signs certificates for whom a thief likes",
	"sa":                 "signs a token for any service account",
	encryptionKey:        "reads the Secrets of etcd's data and snapshots that were encrypted with it",
}

// Gives says in a few words what the key of an item gives to whoever else has it.
func Gives(request pki.Request) string {
	if slices.Contains(request.Subject.Organization, SystemMasters) {
		return "everything: API servers ask nobody about " + SystemMasters
	}
	return gives[path.Base(request.Name)]
}
