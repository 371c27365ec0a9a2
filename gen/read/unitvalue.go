package read

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The words for on and off in units (systemd.syntax(7)).
var (
	on  = []string{"yes", "true", "1", "on", "y", "t"}
	off = []string{"no", "false", "0", "off", "n", "f"}
)

// ParseUnitSwitch reads what is on or off in a unit.
func ParseUnitSwitch(text string) (isOn, ok bool) {
	isOn = slices.Contains(on, text)
	return isOn, isOn || slices.Contains(off, text)
}

// ParseUnitTime reads systemd's times as far as units here have them: seconds,
// or one number with its unit (systemd.time(7)).
func ParseUnitTime(text string) (time.Duration, bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(n) * time.Second, true
	}
	t, err := time.ParseDuration(strings.TrimSuffix(text, "in")) // min
	return t, err == nil
}
