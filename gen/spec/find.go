package spec

import (
	"reflect"
	"strings"
)

// Find returns the position of a field outside of lists, by its path
// ("spec.podCIDRs"), and whether it is written. For a field that is not, the
// position is that of the nearest enclosing field.
func (f *File) Find(path string) (at At, written bool) {
	at = f.At
	inner := reflect.ValueOf(f).Elem()
	for key := range strings.SplitSeq(path, ".") {
		inner = keyed(inner, key)
		if !inner.IsValid() {
			written = false
			break
		}
		place := inner.FieldByName("At").Interface().(At)
		if written = place.Written(); written {
			at = place
		}
	}
	at.Path = path
	return at, written
}

// keyed returns the field of a struct by its name in the file; the zero Value if
// there is none.
func keyed(holder reflect.Value, key string) reflect.Value {
	for i := range holder.NumField() {
		if name, _ := tag(holder.Type().Field(i)); name == key {
			return holder.Field(i)
		}
	}
	return reflect.Value{}
}
