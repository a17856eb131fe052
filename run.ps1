# Sets up what is missing and starts the gateway on http://127.0.0.1:8089: what `make run` does, for Windows.
# Run it with: powershell -ExecutionPolicy Bypass -File run.ps1
$ErrorActionPreference = "Stop"
Set-Location $PSScriptRoot
$Python = ".venv\Scripts\python.exe"
$Stamp = ".venv\installed"
$Vectors = "backend\engine\encoder\requirements.txt"
$IsSupported = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"

function Find-Python {
    foreach ($Candidate in "py -3.13", "py -3.12", "py -3.11", "python") {
        $Name, $Rest = $Candidate.Split(" ")
        if (-not (Get-Command $Name -ErrorAction SilentlyContinue)) { continue }
        try { & $Name @Rest -c $IsSupported 2>$null } catch { continue }
        if ($LASTEXITCODE -eq 0) { return $Candidate }
    }
}

$HasUv = [bool](Get-Command uv -ErrorAction SilentlyContinue)
if (-not (Test-Path $Python)) {
    if ($HasUv) {
        uv venv --quiet --python ">=3.11,<3.14" .venv
    } else {
        $Found = Find-Python
        if (-not $Found) {
            Write-Host "No Python 3.11, 3.12 or 3.13 was found. Install one from python.org and run this again."
            exit 1
        }
        $Name, $Rest = $Found.Split(" ")
        & $Name @Rest -m venv .venv
    }
    if ($LASTEXITCODE -ne 0) { Write-Host "The virtual environment could not be made."; exit 1 }
}

# The wheels of $Vectors are pinned by their hashes, which pip wants to be a run of its own (the file says more).
function Install-Packages {
    if ($HasUv) { uv pip install --quiet --python $Python @args }
    else { & $Python -m pip install --quiet --disable-pip-version-check @args }
    if ($LASTEXITCODE -ne 0) { Write-Host "The installation failed; the lines above say why."; exit 1 }
}

$Wanted = "requirements.txt", $Vectors | ForEach-Object { (Get-Item $_).LastWriteTime } | Sort-Object | Select-Object -Last 1
if (-not (Test-Path $Stamp) -or $Wanted -gt (Get-Item $Stamp).LastWriteTime) {
    Write-Host "Installing what the gateway runs on."
    Install-Packages -r requirements.txt
    Install-Packages --require-hashes --no-deps -r $Vectors
    Set-Content $Stamp "installed"
}

# Never needed: without these files the page loads the same libraries from the web.
if (-not (Test-Path frontend\vendor) -and (Get-Command npm -ErrorAction SilentlyContinue)) {
    Write-Host "Building the libraries of the page for offline use."
    npm --prefix tools/vendor ci --ignore-scripts --no-audit --no-fund --loglevel=error | Out-Null
    if ($LASTEXITCODE -eq 0) { npm --prefix tools/vendor run build --loglevel=error | Out-Null }
    if ($LASTEXITCODE -ne 0) { Write-Host "They could not be built: the page loads them from esm.sh." }
}

# Once: a small real model for the first answers (93 MB), $env:MODEL = "none" for none. Without it the demo answers.
if (-not (Test-Path .venv\model)) {
    & $Python -m backend get --set-up
    if ($LASTEXITCODE -eq 0) { Set-Content .venv\model "got" }
}

& $Python -m backend serve
exit $LASTEXITCODE
