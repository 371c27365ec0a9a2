// Command empty is what every Go program costs at least.
package main

func main() {}
