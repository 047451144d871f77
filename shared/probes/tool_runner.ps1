# The process of Replank's guest driver in Windows: runs as a scheduled task, carries out the recipe beside it, and notes each phase
# before it begins. $M is the folder of Windows Setup on the media disk, $N the number of the image in it, $K the product key.
$ErrorActionPreference = 'SilentlyContinue'
$D = Join-Path (Join-Path $env:ProgramData 'ReplankTool') 'run'
function Put($name, $text) { # again if a reader or a virus scanner holds the file
    for ($turn = 1; $turn -le 40; $turn++) {
        try {
            [IO.File]::WriteAllText("$D\$name.new", "$text`n")
            Move-Item -Force -LiteralPath "$D\$name.new" -Destination "$D\$name" -ErrorAction Stop
            if ([IO.File]::ReadAllText("$D\$name").Trim() -eq "$text") { return }
        } catch { }
        Start-Sleep -Milliseconds 250
    }
}
function Note($text) { [IO.File]::AppendAllText("$D\log", "$text`r`n") }
function Phase($name) {
    Put 'since' ([int64]([DateTime]::UtcNow - [DateTime]'1970-01-01').TotalSeconds)
    Put 'phase' $name
}
function Finish($name, $status) { # a phase that waits for others, and the status that led to it
    Put 'status' $status
    Phase $name
    exit 0
}
function Code($path, $arguments) { # the exit code as a number without sign
    $process = Start-Process -FilePath $path -ArgumentList $arguments -Wait -PassThru
    if (-not $process -or $process.ExitCode -eq $null) {
        Note "Error: $path did not start, or gave no exit code"
        return 4294967295
    }
    $code = [int64]$process.ExitCode -band 4294967295
    Note ('{0} {1} ended with 0x{2:X8}' -f $path, ($arguments -replace '/pkey \S+', '/pkey ...'), $code)
    $code
}
function Find-Setup($edition, $build) { # sets $M and $N
    $serial = [IO.File]::ReadAllText("$D\disk").Trim()
    $kind = (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion').InstallationType
    $number = [Convert]::ToInt32((Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Nls\Language').InstallLanguage, 16)
    $language = [Globalization.CultureInfo]::GetCultureInfo($number).Name
    for ($turn = 1; $turn -le 24; $turn++) { # for two minutes: a new disk, and the letter of its partition, may come late
        $disk = Get-Disk | Where-Object { "$($_.SerialNumber)".Trim() -eq $serial } | Select-Object -First 1
        if ($disk.IsOffline) { Set-Disk -Number $disk.Number -IsOffline $false }
        if ($disk.IsReadOnly) { Set-Disk -Number $disk.Number -IsReadOnly $false }
        $parts = @()
        if ($disk) { $parts = @(Get-Partition -DiskNumber $disk.Number) }
        if (@($parts | Where-Object { $_.DriveLetter })) { break }
        if ($turn -gt 6) { # Windows gives no letter by itself
            foreach ($part in @($parts | Where-Object { "$($_.Type)" -ne 'Reserved' })) {
                Add-PartitionAccessPath -DiskNumber $disk.Number -PartitionNumber $part.PartitionNumber -AssignDriveLetter
            }
        }
        Start-Sleep -Seconds 5
        Update-HostStorageCache
    }
    if (-not $disk) { Note "Error: no disk has the serial number $serial of the media disk"; return }
    foreach ($part in @(Get-Partition -DiskNumber $disk.Number | Where-Object { $_.DriveLetter })) {
        $root = "$($part.DriveLetter):"
        foreach ($folder in @($root) + @(Get-ChildItem -Path "$root\" | Where-Object { $_.PSIsContainer } | ForEach-Object { $_.FullName })) {
            $wim = "$folder\sources\install.wim"
            if (-not (Test-Path -LiteralPath $wim)) { continue }
            foreach ($each in @(Get-WindowsImage -ImagePath $wim)) {
                $image = Get-WindowsImage -ImagePath $wim -Index $each.ImageIndex
                $fits = $image.EditionId -eq $edition -and $image.InstallationType -eq $kind -and "$($image.Version)" -like "10.0.$build*"
                if ($fits -and "$($image.Languages)" -match [regex]::Escape($language)) {
                    $script:M = $folder
                    $script:N = $image.ImageIndex
                    Note "image $($image.ImageIndex) of $wim"
                    return
                }
            }
        }
    }
    Note "Error: the media disk has no image $edition ($kind, $language, build $build)"
}
function Diagnose { # SetupDiag, if the media or Setup's own folder have it, and the end of Setup's errors
    foreach ($path in "$M\SetupDiag.exe", "$M\sources\SetupDiag.exe", "$($M.Substring(0, 2))\SetupDiag.exe", 'C:\$WINDOWS.~BT\Sources\SetupDiag.exe') {
        if (Test-Path -LiteralPath $path) {
            [void](Code $path "/Output:`"$D\report`" /Format:xml /ZipLogs:False")
            break
        }
    }
    foreach ($line in @(Get-Content -LiteralPath $SetupErrors | Select-Object -Last 5)) { Note $line }
}
$mode = $args[0]
if ($mode -eq 'prepare') {
    Phase 'installing'
    if (Test-Path -LiteralPath "$D\recipe.old.ps1") {
        . ([scriptblock]::Create([IO.File]::ReadAllText("$D\recipe.old.ps1")))
        [void](Remove-Tool)
        Remove-Item -Force -LiteralPath "$D\recipe.old.ps1"
    }
}
. ([scriptblock]::Create([IO.File]::ReadAllText("$D\recipe.ps1")))
[void](Install-Tool)
if ($mode -eq 'prepare') {
    if (-not $M) { Finish 'not-installed' 1 }
    Phase 'checking'
    $code = Test-Upgrade
    Diagnose
    if ($code -ne 3247440400) { Finish 'refused' $code }
    Finish 'prepared' $code
}
if (-not $M) { Finish 'failed' 1 }
Phase 'running'
$code = Start-Upgrade
if ($code -ne 0) {
    Diagnose
    Finish 'failed' $code
}
Put 'status' 0
Phase 'restarting'
if ([IO.File]::ReadAllText("$D\phase").Trim() -ne 'restarting') {
    Note 'Error: the phase could not be noted, so the instance is not restarted'
    exit 1
}
for ($turn = 1; $turn -le 20; $turn++) {
    shutdown.exe /r /t 5
    if (0, 1115, 1190 -contains $LASTEXITCODE) { exit 0 } # begun, or begun already
    Note "Error: shutdown ended with $LASTEXITCODE"
    Start-Sleep -Seconds 30
}
