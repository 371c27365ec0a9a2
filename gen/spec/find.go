package spec

import (
	"reflect"
	"strings"
)

// Find returns the position of a field outside of lists or in their first item, by its path
// ("spec.podCIDRs", "spec.masters[0].name"), and whether it is written. For a field that is not, the
// position is that of the nearest enclosing field.
func (f *File) Find(path string) (at At, written bool) {
	at = f.At
	inner := reflect.ValueOf(f).Elem()
	for key := range strings.SplitSeq(path, ".") {
		key, first := strings.CutSuffix(key, "[0]")
		if inner = keyed(inner, key); first && inner.IsValid() {
			if place := inner.FieldByName("At").Interface().(At); place.Written() {
				at = place
			}
			inner = firstOf(inner)
		}
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

// firstOf returns the first item of a list; the zero Value if it has none.
func firstOf(list reflect.Value) reflect.Value {
	if items := list.FieldByName("Items"); items.IsValid() && items.Len() > 0 {
		return items.Index(0)
	}
	return reflect.Value{}
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
