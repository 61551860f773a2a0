# Lengths of C functions and files, by the layout clang-format gives: a function's brace stands
# alone in the first column, and so does the one that ends it. Signature lines count.
# Refuses functions above 70 lines and files above 600; names functions above 40.
function fail(what) { print what; bad = 1 }

FNR == 1 { if (lines > 600) fail(file ": " lines " lines, above 600"); file = FILENAME; start = 0 }
{ lines = FNR }

/^[A-Za-z_].*\(/ && !inside { start = FNR; name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
/^{$/ && start { inside = 1 }
/^}/ && inside {
	n = FNR - start + 1
	length_of[count++] = n
	if (n > 70)
		fail(file ":" start ": " name " has " n " lines, above 70")
	else if (n > 40)
		print file ":" start ": " name " has " n " lines, above 40"
	inside = start = 0
}
/;$/ && !inside { start = 0 }

END {
	if (lines > 600)
		fail(file ": " lines " lines, above 600")
	for (i = 1; i < count; i++) { # insertion sort, for the median
		v = length_of[i]
		for (j = i - 1; j >= 0 && length_of[j] > v; j--)
			length_of[j + 1] = length_of[j]
		length_of[j + 1] = v
	}
	if (count)
		print count " functions, median " length_of[int(count / 2)] " lines, longest " length_of[count - 1]
	exit bad
}
