package spec

import (
	"reflect"
	"strconv"
	"strings"
)

// Find returns the position of a field by its path ("spec.podCIDRs", "spec.masters[1].name"), and
// whether it is written. For a field that is not, the position is that of the nearest enclosing field.
func (f *File) Find(path string) (at At, written bool) {
	at = f.At
	inner := reflect.ValueOf(f).Elem()
	for key := range strings.SplitSeq(path, ".") {
		key, index, isItem := strings.Cut(strings.TrimSuffix(key, "]"), "[")
		if inner = keyed(inner, key); isItem && inner.IsValid() {
			if place := inner.FieldByName("At").Interface().(At); place.Written() {
				at = place
			}
			inner = itemOf(inner, index)
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

// itemOf returns an item of a list by its index; the zero Value if it has none.
func itemOf(list reflect.Value, index string) reflect.Value {
	i, err := strconv.Atoi(index)
	if items := list.FieldByName("Items"); err == nil && i >= 0 && items.IsValid() && i < items.Len() {
		return items.Index(i)
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
