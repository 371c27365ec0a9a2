package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"hagen/out/media/bases"
)

// base makes a base image: base KIND FILE [BOOT]. BOOT is the file system of Fedora
// CoreOS's boot partition.
func base(ts *testscript.TestScript, _ bool, args []string) {
	var image []byte
	switch args[0] {
	case "live":
		image = bases.ISO("fedora-coreos-44.20261101.3.0", bases.Live())
	case "s390x":
		image = bases.ISO("fedora-coreos-44.20261101.3.0", bases.LiveS390X())
	case "legacy":
		files := bases.Live()
		delete(files, "COREOS/IGNINFO.JSO")
		image = bases.ISO("fedora-coreos-33", files)
	case "debian":
		image = bases.Disk(512, bases.Debian())
	case "flatcar":
		image = bases.Disk(512, bases.Flatcar())
	case "coreos":
		image = bases.Disk(512, bases.CoreOS([]byte(ts.ReadFile(args[2]))))
	default:
		ts.Fatalf("no base %s", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), image, 0o644))
}
