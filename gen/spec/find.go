package spec

import (
	"reflect"
	"strings"
)

// Find gives the place of a field that is in no list, by its path
// ("spec.podCIDRs"), and whether it is written. One that is not is to be looked
// for where the nearest field stands that would hold it.
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

// keyed finds the field of a struct by its name in the file; the zero Value if
// it has none.
func keyed(holder reflect.Value, key string) reflect.Value {
	for i := range holder.NumField() {
		if name, _ := tag(holder.Type().Field(i)); name == key {
			return holder.Field(i)
		}
	}
	return reflect.Value{}
}
