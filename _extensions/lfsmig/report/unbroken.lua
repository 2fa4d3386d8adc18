-- What no line may break: words that dictionaries of line breaks take apart (at a bar: ร้อย|ละ), a number
-- and the word before it, a span of years. Runs in both roads. Word documents have no such spans, and a joiner
-- inside a word would make it another word for whoever searches or copies it: there only the gap before a
-- number holds, and a line may end inside a word that the program's dictionary takes apart.

local words = {
  en = {},
  th = {
    "ร้อย|ละ", "จุด|ร้อย|ละ", "พัน|คน", "ล้าน|คน", "ล้าน|บาท", "ความ|เชื่อ|มั่น", "ค่า|ประมาณ", "ค่า|เฉลี่ย", "มัธยฐาน",
    "สัดส่วน", "สูงสุด", "ต่ำ|สุด", "สูง|กว่า", "ต่ำ|กว่า", "มากกว่า", "น้อย|กว่า", "รอง|ลง|มา", "ขึ้น|ไป", "ทำงาน",
    "มี|งาน|ทำ", "ผู้|มี|งาน|ทำ", "ว่าง|งาน", "จ้าง|งาน", "จำแนก", "เผย|แพร่", "ภาค|กลาง", "ภาค|เหนือ", "ภาค|ใต้",
    "เฉียง|เหนือ", "บิดา|มารดา", "คู่|สมรส", "ย้าย|ถิ่น", "ผู้|ย้าย|ถิ่น", "ตลอด|ชีพ", "ราย|ปี", "นัย|สำคัญ", "แรงงาน",
    "ต่าง|ประเทศ", "ระหว่าง|ประเทศ", "ที่|อยู่", "ตัวอย่าง", "ตัว|ชี้|วัด", "ครัว|เรือน", "เขต|แจง|นับ", "ชั้น|ภูมิ",
    "เส้น|โค้ง", "องศา|อิสระ", "ถ่วง|น้ำ|หนัก", "คลาด|เคลื่อน", "มาตรฐาน", "แปรปรวน", "แปรผัน", "ยอด|รวม", "ผล|ต่าง", "แนว|โน้ม",
    "รายงาน", "ปัจจุบัน", "ล่าสุด", "ข้อมูล", "ข้อ|ผิด|พลาด", "ตรวจ|สอบ", "เชื่อม|โยง", "ตรง|กัน", "อื่น\u{a0}ๆ", "พ.ศ.",
  },
}
-- Words that the number after them belongs to.
local counted = { "ร้อยละ", "พ.ศ." }
local span_of_years = "%d%d%d%d–%d%d%d%d"

local function ends_counted(text)
  for _, word in ipairs(counted) do
    if text:sub(-#word) == word then return true end
  end
  return false
end

-- A space between such a word and its number does not break.
local function joined(inlines)
  local out = pandoc.Inlines({})
  for _, inline in ipairs(inlines) do
    local gap, word = out[#out], out[#out - 1]
    if inline.t == "Str" and inline.text:match("^%d") and gap and gap.t == "Space"
      and word and word.t == "Str" and ends_counted(word.text) then
      out:remove()
      word.text = word.text .. "\u{a0}" .. inline.text
      out[#out] = word
    else
      out:insert(inline)
    end
  end
  return out
end

-- The number that belongs to a word, from a position on: a percentage, a year or a span of years.
local function number_after(text, from)
  for _, pattern in ipairs({ "^\u{a0}" .. span_of_years, "^\u{a0}[%d.,]*%d" }) do
    local _, last = text:find(pattern, from)
    if last then return last end
  end
  return from - 1
end

local function next_word(text, from)
  local first, last = text:find(span_of_years, from)
  for _, word in ipairs(words.here) do
    local a, b = text:find(word, from, true)
    if a and (not first or a < first or (a == first and b > last)) then first, last = a, b end
  end
  if first then return first, number_after(text, last + 1) end
end

local function whole(text)
  if FORMAT == "typst" then
    return { pandoc.RawInline("typst", "#box["), pandoc.Str(text), pandoc.RawInline("typst", "];") }
  end
  return { pandoc.Span({ pandoc.Str(text) }, { class = "unbroken" }) }
end

local function kept_whole(str)
  local out, from = pandoc.Inlines({}), 1
  local first, last = next_word(str.text, from)
  if not first then return nil end
  while first do
    if first > from then out:insert(pandoc.Str(str.text:sub(from, first - 1))) end
    out:extend(whole(str.text:sub(first, last)))
    from = last + 1
    first, last = next_word(str.text, from)
  end
  if from <= #str.text then out:insert(pandoc.Str(str.text:sub(from))) end
  return out
end

-- Titles and other metadata stay as they are: they become properties of the document too.
local function body(doc)
  words.here = doc.meta.lang and words[pandoc.utils.stringify(doc.meta.lang):sub(1, 2)]
  if not words.here then return nil end
  words.here = pandoc.List(words.here):map(function(word)
    return (word:gsub("|", ""))
  end)
  doc.blocks = doc.blocks:walk({ Inlines = joined })
  if FORMAT == "docx" then return doc end
  doc.blocks = doc.blocks:walk({
    traverse = "topdown",
    -- What it returns must not be walked again.
    Str = function(str) return kept_whole(str), false end,
  })
  return doc
end

if not (FORMAT:match("html") or FORMAT == "typst" or FORMAT == "docx") then return {} end
return { { Pandoc = body } }
