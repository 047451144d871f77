# Replank's guest driver in a Windows guest; see tool.sh. The lines before this text set $ReplankTool (begin, look, start or clean)
# and $ReplankToolRun; for begin also $ReplankDisk (the serial number of the media disk), $ReplankRecipe and $ReplankRunner (base64).
# PowerShell 4.0 and later (Windows Server 2012 R2). The record of the run survives the upgrade, which keeps ProgramData.
$ErrorActionPreference = 'SilentlyContinue'
$H = Join-Path $env:ProgramData 'ReplankTool'
$D = Join-Path $H 'run'
$E = Join-Path $H 'ended' # the runs that are over; it stays, so that a command that comes late or again begins nothing
function Say($text) { [Console]::Out.Write("$text`n") }
function Text($path) { if (Test-Path -LiteralPath $path) { [IO.File]::ReadAllText($path) } else { '' } }
function Got($name) { (Text (Join-Path $D $name)).Split("`n")[0].Trim() }
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
function Claim($name) { try { [IO.File]::Open("$D\$name", 'CreateNew').Close(); $true } catch { $false } }
function Now { [int64]([DateTime]::UtcNow - [DateTime]'1970-01-01').TotalSeconds }
function Boot { [string]@(Get-WmiObject Win32_Process -Filter "Name='wininit.exe'")[0].CreationDate }
function Build { [string](Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion').CurrentBuildNumber }
function Tasks { $s = New-Object -ComObject Schedule.Service; $s.Connect(); $s }
function Active { try { (Tasks).GetFolder('\').GetTask('ReplankTool').State -eq 4 } catch { $false } }
function Load($name) { [scriptblock]::Create((Text (Join-Path $D $name))) }
function Changed { ('running', 'restarting' -contains (Got 'phase')) -and ((Got 'build') -ne (Build)) }
# Setup has ended well, and the restart that it needs has not happened: its files must stay.
function Armed { ((Got 'status') -eq '0') -and ((Got 'boot') -eq (Boot)) }
function Ascii($text) { # so that code pages do not matter
    [regex]::Replace("$text", '[^\x20-\x7e]', { param($found) '\u{0:x4}' -f [int][char]$found.Value })
}
function Flag($word, $value) { if ($value) { Say "$word yes" } else { Say "$word no" } }
function Packed($word, $text, $most) {
    if (-not $text) { return }
    $bytes = [Text.Encoding]::UTF8.GetBytes($text)
    $out = New-Object IO.MemoryStream
    $zip = New-Object IO.Compression.GZipStream($out, [IO.Compression.CompressionMode]::Compress)
    $zip.Write($bytes, 0, $bytes.Length)
    $zip.Close()
    $line = [Convert]::ToBase64String($out.ToArray())
    Say "$word $($line.Substring(0, [Math]::Min($most, $line.Length)))"
}
function Answer($word) { # whether we run comes before the phase, because the runner notes its phase before it ends
    Say 'replank-tool 1'
    Say "word $word"
    Say "asked $ReplankToolRun"
    Flag 'active' (Active)
    Say "run $(Got 'run')"
    $phase = Got 'phase'
    Say "phase $phase"
    Say "status $(Got 'status')"
    Flag 'started' (Test-Path -LiteralPath "$D\started")
    Say "age $((Now) - [int64](Got 'since'))"
    Flag 'returned' ((Got 'boot') -and ((Got 'boot') -ne (Boot)))
    if (Test-Path -LiteralPath "$D\recipe.ps1") {
        . (Load 'recipe.ps1')
        Flag 'busy' (Test-Busy)
        Flag 'done' (Test-Done)
        Flag 'changed' (Changed)
        # Windows Setup counts to 100 before the first restart, which is a bit more than half of its work.
        Say "progress $([int]([int](Get-ItemProperty 'HKLM:\SYSTEM\Setup\MoSetup\Volatile').SetupProgress * 0.6))"
        $log = Text "$D\log"
        if ($phase -eq 'restarting') { Packed 'report' (Text $ResultReport) 12000 } else { Packed 'report' (Text "$D\report") 12000 }
        Packed 'log' ($log.Substring([Math]::Max(0, $log.Length - 1500))) 2500
    }
    $system = Get-WmiObject Win32_OperatingSystem
    Say 'os ID=windows'
    Say "os VERSION_ID=$($system.Version)"
    Say "os NAME=$(Ascii $system.Caption)"
    Say '@end'
    exit 0
}
function Run($mode) { # our process, apart from the agent and its time limit: a task as SYSTEM, without a trigger
    $s = Tasks
    $t = $s.NewTask(0)
    $t.Settings.ExecutionTimeLimit = 'PT0S'
    $t.Settings.DisallowStartIfOnBatteries = $false
    $t.Principal.UserId = 'S-1-5-18'
    $t.Principal.RunLevel = 1
    $a = $t.Actions.Create(0)
    $a.Path = 'powershell.exe'
    $a.Arguments = "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$D\runner.ps1`" $mode"
    [void]$s.GetFolder('\').RegisterTaskDefinition('ReplankTool', $t, 6, 'S-1-5-18', $null, 5)
    [void]$s.GetFolder('\').GetTask('ReplankTool').Run($null)
}
function Over { (Text $E).Split("`n") -contains $ReplankToolRun }
function TurnAway($word) { # the pipeline takes this run for failed, so the same command must begin nothing if it comes again
    [IO.File]::AppendAllText($E, "$ReplankToolRun`n")
    Answer $word
}
function Decoded($text) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($text)) }
$own = (Got 'run') -eq $ReplankToolRun
if ($ReplankTool -eq 'begin') {
    [void](New-Item -ItemType Directory -Force -Path $D)
    if ($own) { Answer '' }
    if (Over) { Answer 'ended' }
    if (Active) { TurnAway 'busy' }
    if (Armed) { TurnAway 'busy' }
    if (Changed) { TurnAway 'past' }
    . ([scriptblock]::Create((Decoded $ReplankRecipe)))
    if (Test-Busy) { TurnAway 'busy' }
    if (-not (Claim "claim-$ReplankToolRun")) { Answer '' }
    foreach ($name in 'started', 'report', 'status', 'log') { Remove-Item -Force -LiteralPath "$D\$name" }
    if (Test-Path -LiteralPath "$D\recipe.ps1") { Move-Item -Force -LiteralPath "$D\recipe.ps1" -Destination "$D\recipe.old.ps1" }
    [IO.File]::WriteAllText("$D\recipe.ps1", (Decoded $ReplankRecipe))
    [IO.File]::WriteAllText("$D\runner.ps1", (Decoded $ReplankRunner))
    Put 'disk' $ReplankDisk
    Put 'build' (Build)
    Put 'since' (Now)
    Put 'boot' (Boot)
    Put 'phase' 'begun'
    Put 'run' $ReplankToolRun
    Run 'prepare'
}
if ($ReplankTool -eq 'start' -and $own -and (Got 'phase') -eq 'prepared') {
    if (Active) { Answer '' } # the preparation is about to end, and its task would swallow the start
    if (Over) { Answer 'busy' }
    . (Load 'recipe.ps1')
    if (Test-Busy) { TurnAway 'busy' }
    if (-not (Claim 'started')) { Answer '' }
    Put 'since' (Now)
    Put 'boot' (Boot)
    Run 'start'
}
if ($ReplankTool -eq 'clean') { # only after this try or one before it: a later one, and another migration, removes what it finds
    $there = Got 'run'
    $mine = $there -and ($there -replace '-\d+$') -eq ($ReplankToolRun -replace '-\d+$')
    $mine = $mine -and [int]($there -replace '^.*-') -le [int]($ReplankToolRun -replace '^.*-')
    if ($mine) {
        if (Active) { Answer 'busy' }
        if (Armed) { Answer 'busy' }
        . (Load 'recipe.ps1')
        if (Test-Busy) { Answer 'busy' }
        [void](Remove-Tool)
        (Tasks).GetFolder('\').DeleteTask('ReplankTool', 0)
    }
    [void](New-Item -ItemType Directory -Force -Path $H)
    [IO.File]::AppendAllText($E, "$ReplankToolRun`n")
    if ($mine -or -not $there) {
        foreach ($claim in Get-ChildItem -Path "$D\claim-*") { [IO.File]::AppendAllText($E, "$($claim.Name.Substring(6))`n") }
        Remove-Item -Recurse -Force -LiteralPath $D
    }
    Say "replank-tool cleaned $ReplankToolRun"
    exit 0
}
Answer ''
