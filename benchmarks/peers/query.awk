# The rejected traffic by ENI and port; the times as seconds, for not every awk has strftime.
$13 == "REJECT" && $14 == "OK" {
    key = $3 "," $8 "," $7
    records[key]++
    packets[key] += $9
    bytes[key] += $10
    if (!((key, $4) in seen)) {
        seen[key, $4] = 1
        sources[key]++
    }
    if (!(key in first) || $11 + 0 < first[key]) first[key] = $11 + 0
    if ($12 + 0 > last[key]) last[key] = $12 + 0
}

END {
    for (key in records)
        printf "%s,%d,%.0f,%.0f,%d,%d,%d\n", key, records[key], packets[key], bytes[key], \
            sources[key], first[key], last[key]
}
