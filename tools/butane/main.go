// Command butane translates the Butane document on its standard input with
// the last released github.com/coreos/butane, strictly and without
// compressing contents: butane's own command line has no switch for that.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
)

func main() {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	output, report, err := config.TranslateBytes(input, common.TranslateBytesOptions{
		TranslateOptions: common.TranslateOptions{NoResourceAutoCompression: true},
	})
	if err != nil || len(report.Entries) > 0 {
		fail(fmt.Errorf("%v\n%s", err, report))
	}
	if _, err := fmt.Printf("%s\n", output); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "butane:", err)
	os.Exit(1)
}
