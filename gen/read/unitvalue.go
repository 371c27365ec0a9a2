package read

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The values of a boolean in units (systemd.syntax(7)).
var (
	on  = []string{"yes", "true", "1", "on", "y", "t"}
	off = []string{"no", "false", "0", "off", "n", "f"}
)

// ParseUnitSwitch reads a boolean of a unit.
func ParseUnitSwitch(text string) (isOn, ok bool) {
	isOn = slices.Contains(on, text)
	return isOn, isOn || slices.Contains(off, text)
}

// ParseUnitTime reads systemd's times as far as units here use them: seconds,
// or one number with its unit (systemd.time(7)).
func ParseUnitTime(text string) (time.Duration, bool) {
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(n) * time.Second, true
	}
	t, err := time.ParseDuration(strings.TrimSuffix(text, "in")) // min
	return t, err == nil
}
